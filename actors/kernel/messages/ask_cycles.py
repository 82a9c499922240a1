"""Who waits for whom: what makes a cycle of asks an error instead of two actors that wait for each other for ever.

Only the task that runs an actor's handlers counts: while it waits for an answer, the actor answers nobody. Asks from an
actor's other tasks leave its handlers free. Each actor waits for at most one other, so a cycle is found by following a
chain.

The same knowledge of who came first decides where a sender may wait for room in a full mailbox: only towards an actor
that started earlier, since two that wait for room in each other's mailboxes are deadlocked as well.
"""

from __future__ import annotations

from math import inf

import trio

from actors.kernel.errors import AskCycle, WouldDeadlock
from actors.kernel.messages.reply_slot import ReplySlot


class Serving:
    """The task that runs an actor's handlers, and as long as what the message in its hands is worth its work.

    Attributes:
        name: The actor's name.
        deadline: The deadline of the message in hand, on Trio's clock.
        slot: Where its answer goes; None for a tell.
    """

    __slots__ = ("deadline", "name", "slot")

    def __init__(self, name: str) -> None:
        self.name = name
        self.deadline = inf
        self.slot: ReplySlot | None = None


class WaitForGraph:
    """The handlers that wait for an answer now, and the order in which names first started."""

    def __init__(self) -> None:
        self._tasks: dict[trio.lowlevel.Task, Serving] = {}
        self._for: dict[str, str] = {}
        self._order: dict[str, int] = {}

    def enter(self, name: str, task: trio.lowlevel.Task) -> Serving:
        """Note the task that runs an actor's handlers."""
        serving = self._tasks[task] = Serving(name)
        self._order.setdefault(name, len(self._order))
        return serving

    def leave(self, task: trio.lowlevel.Task) -> None:
        """Forget a task that has ended."""
        self._tasks.pop(task, None)

    def begin(self, target: str) -> Serving | None:
        """Note that the current task is about to ask `target`.

        Returns:
            What to give to `end`; None if the task runs no actor's handlers.

        Raises:
            AskCycle: Somebody down the chain waits for this very actor.
        """
        serving = self._tasks.get(trio.lowlevel.current_task())
        if serving is None:
            return None
        name = serving.name
        chain = [name, target]
        while chain[-1] != name and (following := self._for.get(chain[-1])) is not None:
            chain.append(following)
        if chain[-1] == name:
            raise AskCycle(chain)
        self._for[name] = target
        return serving

    def end(self, serving: Serving | None) -> None:
        """Note that the ask is over."""
        if serving is not None:
            self._for.pop(serving.name, None)

    def check_blocks_on(self, name: str, targets: tuple[str, ...]) -> None:
        """Check that an actor waits for room only towards actors that started before it.

        Raises:
            WouldDeadlock: One of them did not.
        """
        own = self._order.get(name, len(self._order))
        for target in targets:
            if self._order.get(target, own) >= own:
                raise WouldDeadlock(name, target)
