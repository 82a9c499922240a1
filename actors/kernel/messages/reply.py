"""How a handler answers: at once by returning, or later through the way back that came with the message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from actors.kernel.messages.actor_system import System
from actors.kernel.messages.mailbox import Envelope, Mailbox
from actors.kernel.messages.message import encode
from actors.kernel.messages.reply_slot import ReplySlot


class Later:
    """The type of `LATER`."""


LATER: Final = Later()
"""Returned by a handler that will call `reply(value)` itself."""


class Reply:
    """The way back to one asker. A second answer, or one to an asker who has gone, is a dead letter."""

    __slots__ = ("_envelope", "_mailbox", "_slot", "_system")

    def __init__(self, envelope: Envelope, mailbox: Mailbox, system: System) -> None:
        self._envelope = envelope
        self._slot: ReplySlot | None = envelope.slot
        self._mailbox = mailbox
        self._system = system

    def __call__(self, value: object) -> bool:
        """Answer. Returns False where nobody waits for the answer any more."""
        slot, self._slot = self._slot, None
        if slot is not None:
            self._mailbox.answered(slot)
            if slot.resolve(encode(value)):
                return True
        self._system.dead_letters.add(f"{self._mailbox.name}:replies", "the asker had gone or was answered")
        return False

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits."""
        return self._slot is not None and not self._slot.abandoned

    def on_abandoned(self, call: Callable[[], None]) -> None:
        """Have something called, once, when the asker gives up: cancelled, or past its deadline."""
        if self._slot is not None:
            self._slot.on_abandoned = call

    @property
    def size(self) -> int:
        """How many bytes the message takes, encoded."""
        return len(self._envelope.body)

    @property
    def deadline(self) -> float:
        """Until when the answer is wanted, on Trio's clock."""
        return self._envelope.deadline

    @property
    def sender(self) -> str:
        """The name of the actor that sent the message; empty where no actor did."""
        return self._envelope.sender

    @property
    def trace_id(self) -> str:
        """As the sender gave it."""
        return self._envelope.trace_id
