"""The order of requests that must run in the order of their arrival, such as the appends of one connection.

The SDK gives each request a task of its own, and Trio runs ready tasks in no particular order. So an ordered request
takes a ticket when its frame is read, and waits for its turn in its own task.
"""

from __future__ import annotations

from collections import deque

import trio


class Ticket:
    """The place of one ordered request.

    Attributes:
        awaited: Somebody waits for its turn or has it, and must finish it.
        done: It is finished.
    """

    __slots__ = ("_queue", "_ready", "awaited", "done")

    def __init__(self, queue: deque[Ticket]) -> None:
        self._ready = trio.Event()
        self._queue = queue
        self.awaited = False
        self.done = False

    def begin(self) -> None:
        """Let the turn of this ticket begin."""
        self._ready.set()

    async def wait(self) -> None:
        """Wait until every earlier ticket is finished; a checkpoint."""
        self.awaited = True
        await self._ready.wait()

    def finish(self) -> None:
        """Let the turn of the next ticket begin, once every earlier one is finished too. Does not checkpoint."""
        self.done = True
        self._ready.set()  # a task that comes to wait for it later has nothing to wait for
        queue = self._queue
        while queue and queue[0].done:
            queue.popleft()
        if queue:
            queue[0].begin()


class TicketQueue:
    """The tickets of one connection or session. Nothing here checkpoints."""

    def __init__(self) -> None:
        self._tickets: deque[Ticket] = deque()

    def __len__(self) -> int:
        return len(self._tickets)

    def take(self) -> Ticket:
        """Return the next ticket."""
        ticket = Ticket(self._tickets)
        self._tickets.append(ticket)
        if len(self._tickets) == 1:
            ticket.begin()
        return ticket
