"""The one place where a task is parked and rescheduled by hand.

An ask parks the caller's task until the actor answers. `trio.Event` would do the same at about twice the cost, and the
round trip of an ask is the unit in which everything above is paid. What must stay true:

1. A slot is waited on once, by one task. An answer that comes before it stands there is kept for it.
2. A slot is settled once, by whoever comes first: the answer, the deadline, or the abort of a cancelled caller. Whoever
   comes later does nothing, so a parked task is rescheduled exactly once.
3. After an abort or an expired deadline the slot is `abandoned`: the actor drops the work if it has not begun, and a
   late answer is harmless.
"""

from __future__ import annotations

from collections.abc import Callable

import outcome
import trio


class Expired(Exception):  # noqa: N818 - never seen outside the kernel: `ask` raises AskTimeout in its place
    """The deadline of a parked ask has passed."""


class ReplySlot:
    """Where the answer to one ask arrives. Belongs to the loop's thread."""

    __slots__ = ("_early", "_settled", "_task", "abandoned", "on_abandoned")

    def __init__(self) -> None:
        self._early: outcome.Outcome[bytes] | None = None
        self._settled = False
        self._task: trio.lowlevel.Task | None = None
        self.abandoned = False
        self.on_abandoned: Callable[[], None] | None = None

    async def wait(self) -> bytes:
        """Park until the slot is settled, unless it is; a checkpoint.

        Returns:
            The reply as MessagePack bytes.

        Raises:
            ActorDied: Or whatever `fail` was given.
            Expired: The deadline passed; the slot is abandoned.
            trio.Cancelled: The slot is abandoned.
        """
        if self._early is not None:
            await trio.lowlevel.checkpoint()
            return self._early.unwrap()
        self._task = trio.lowlevel.current_task()
        reply: bytes = await trio.lowlevel.wait_task_rescheduled(self._abort)
        return reply

    def resolve(self, body: bytes) -> bool:
        """Hand the reply to the waiter. Returns False where nobody waits any more."""
        return self._settle(outcome.Value(body))

    def fail(self, error: Exception) -> bool:
        """Raise an error in the waiter. Returns False where nobody waits any more."""
        return self._settle(outcome.Error(error))

    def expire(self) -> None:
        """Give up waiting: the deadline has passed."""
        self._abandon()
        self._settle(outcome.Error(Expired()))

    def _settle(self, result: outcome.Outcome[bytes]) -> bool:
        if self._settled:
            return False
        self._settled = True
        if self._task is None:
            self._early = result
        else:
            trio.lowlevel.reschedule(self._task, result)
        return True

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._settled = True
        self._abandon()
        return trio.lowlevel.Abort.SUCCEEDED

    def _abandon(self) -> None:
        self.abandoned = True
        if self.on_abandoned is not None:
            self.on_abandoned()
