"""The one place where a task is parked and rescheduled by hand.

An ask parks the caller's task until the actor answers. `trio.Event` would do the same at about twice the cost, and the
round trip of an ask is the unit in which everything above is paid. What must stay true:

1. A slot is waited on once, by the task that made it, with no checkpoint between sending the message and `wait`; so an
   answer cannot come before the waiter stands there.
2. A parked task is rescheduled exactly once: `_task` is cleared in the same step by whoever comes first: the answer,
   the deadline, or the abort of a cancelled caller. Whoever comes later finds None and does nothing.
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

    __slots__ = ("_task", "abandoned", "on_abandoned")

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None
        self.abandoned = False
        self.on_abandoned: Callable[[], None] | None = None

    async def wait(self) -> bytes:
        """Park until the slot is settled; a checkpoint.

        Returns:
            The reply as MessagePack bytes.

        Raises:
            ActorDied: Or whatever `fail` was given.
            Expired: The deadline passed; the slot is abandoned.
            trio.Cancelled: The slot is abandoned.
        """
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
        task, self._task = self._task, None
        if task is None:
            return False
        trio.lowlevel.reschedule(task, result)
        return True

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._task = None
        self._abandon()
        return trio.lowlevel.Abort.SUCCEEDED

    def _abandon(self) -> None:
        self.abandoned = True
        if self.on_abandoned is not None:
            self.on_abandoned()
