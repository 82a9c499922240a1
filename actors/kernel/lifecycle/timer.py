"""Timers: messages that an actor sends itself later. They live in its nursery and end with it."""

from __future__ import annotations

from math import ceil

import trio

from actors.kernel.messages.message import Tell
from actors.kernel.messages.ref import Ref


class Timer:
    """A message that is due, once or again and again."""

    def __init__(self) -> None:
        self._scope = trio.CancelScope()

    @classmethod
    def start(cls, nursery: trio.Nursery, to: Ref, message: Tell, first_s: float, period_s: float | None) -> Timer:
        """Begin to count; called through `Actor.send_after` and `Actor.send_every`."""
        timer = cls()
        nursery.start_soon(timer._run, to, message, trio.current_time() + first_s, period_s)
        return timer

    def cancel(self) -> None:
        """Send nothing more. A message that is in the mailbox already is still handled. Does not checkpoint."""
        self._scope.cancel()

    async def _run(self, to: Ref, message: Tell, due: float, period_s: float | None) -> None:
        with self._scope:
            await trio.sleep_until(due)
            to.tell_or_lose(message)
            while period_s is not None:
                # A beat that was missed altogether is left out; the next one keeps the rhythm.
                due += period_s * max(1, ceil((trio.current_time() - due) / period_s))
                await trio.sleep_until(due)
                to.tell_or_lose(message)
