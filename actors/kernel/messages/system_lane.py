"""The system lane: what passes the queue of a mailbox.

Stop needs no command: closing the mailbox is noticed at once and drains it. The rest is here, as in OTP's `sys`: look
at the state, suspend, resume; and the notice that a watched actor has ended. A command waits for the handler that runs,
and for nothing else.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import trio

from actors.kernel.errors import AskTimeout
from actors.kernel.messages.message import encode
from actors.kernel.messages.reply_slot import Expired, ReplySlot
from actors.kernel.messages.system import System

Reason = Literal["stopped", "crashed", "killed", "not running"]
"""Why an actor is down: it stopped in order, raised, was cancelled, or did not run when the watch began."""

COMMAND_TIMEOUT_S = 5.0


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
    """A request on the system lane.

    Attributes:
        kind: What is wanted.
        slot: Where the answer goes.
    """

    __slots__ = ("kind", "slot")

    def __init__(self, kind: Literal["get_state", "suspend", "resume"]) -> None:
        self.kind = kind
        self.slot = ReplySlot()

    def fail(self, error: Exception) -> None:
        """Raise an error in whoever waits for the answer."""
        self.slot.fail(error)


def notify_down(system: System, name: str, down: Down) -> None:
    """Tell an actor that something it serves, which is no actor itself, has ended; passes its queue. No checkpoint.

    An actor that does not run has nothing to do about it.
    """
    mailbox = system.mailboxes.get(name)
    if mailbox is not None and not mailbox.closed:
        mailbox.signal(down)


async def get_state(system: System, name: str) -> Any:
    """Return what an actor's `state()` tells, as built-in values; a checkpoint.

    Raises:
        ActorNotFound: It does not run.
        ActorDied: It ended before it answered.
        AskTimeout: Its handler did not return within 5 seconds.
    """
    return await _command(system, name, "get_state")


async def suspend(system: System, name: str) -> None:
    """Have an actor leave its queue alone until `resume`; a checkpoint. A stop resumes it. Raises as `get_state`."""
    await _command(system, name, "suspend")


async def resume(system: System, name: str) -> None:
    """Have a suspended actor go on; a checkpoint. Raises as `get_state`."""
    await _command(system, name, "resume")


async def _command(system: System, name: str, kind: Literal["get_state", "suspend", "resume"]) -> Any:
    mailbox = system.mailboxes.find(name)
    command = Command(kind)
    mailbox.signal(command)
    bucket = system.deadlines.add(command.slot, trio.current_time() + COMMAND_TIMEOUT_S)
    try:
        return msgspec.msgpack.decode(await command.slot.wait())
    except Expired:
        raise AskTimeout(name, COMMAND_TIMEOUT_S) from None
    finally:
        if bucket is not None:
            bucket.discard(command.slot)


def answer(command: Command, value: Any) -> None:
    """Answer a command."""
    command.slot.resolve(encode(value))
