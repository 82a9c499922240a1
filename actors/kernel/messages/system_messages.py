"""What passes the queue of a mailbox on its system lane: commands to an actor, and notices that another has ended.

OTP calls these system messages. Stop needs none: closing the mailbox is noticed at once, and drains it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from actors.kernel.messages.message import encode
from actors.kernel.messages.reply_slot import ReplySlot

Reason = Literal["stopped", "crashed", "killed", "not running"]
"""Why an actor is down: it stopped in order, raised, was cancelled, or did not run when the watch began."""

CommandKind = Literal["get_state", "suspend", "resume"]


class Down(msgspec.Struct, frozen=True):
    """A watched actor has ended.

    Attributes:
        name: Its name. A restarted actor of that name is not watched any more; watch it again.
        reason: Why.
    """

    name: str
    reason: Reason

    def fail(self, error: Exception) -> None:
        """Do nothing: nobody waits for a notice."""


class Command:
    """A request to an actor, whose sender waits for the answer.

    Attributes:
        kind: What is wanted.
        slot: Where the answer goes.
    """

    __slots__ = ("kind", "slot")

    def __init__(self, kind: CommandKind) -> None:
        self.kind = kind
        self.slot = ReplySlot()

    def answer(self, value: Any) -> None:
        """Hand the answer to the sender."""
        self.slot.resolve(encode(value))

    def fail(self, error: Exception) -> None:
        """Raise an error in the sender."""
        self.slot.fail(error)
