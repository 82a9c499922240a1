"""Reads that take more than a first look: a slice at a time, in an order in which nobody starves.

A slice of each at once would hold the loop for as long as there are reads, and first come, first served would let one
who asks for a thousand pages hold up everybody else's next one. So agents take turns, and among an agent's reads its
connections do. What a page without filters takes, a read gets in its first turn, in one go. What takes more is a long
read: of these only a few are under way at once, so that under more of them than there is time for some are answered,
and not all given up half read. Who asks for a few events does not wait behind large pages, nor these behind long reads:
each of the three has its turn in every round. It is one slice, which several reads of a few events share, or two for a
large page.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

import trio

from actors.event_store.distant_conditions import SLICE
from actors.event_store.error_codes import refused
from actors.event_store.fatal_errors import ending_on_damage
from actors.event_store.messages import Found, QueryEvents
from actors.kernel import Reply
from store import Log, Page, StoreError

FIRST_TURN = 8
"""How many slices a read gets in its first turn: with the first look, as much as the largest page holds."""

FEW = 100
"""How many events are a few: what a query brings unless it asks for more."""

TOGETHER = 4
"""How many reads of a few events share a slice."""

LARGE_BYTES = 64 * 1024
"""How many bytes of records a page may have that is given out beside others; a larger one has a round for itself."""

READING = 8
"""How many long reads are under way at once; the others wait for as long as who asks does."""


class Read:
    """One read that goes on.

    Attributes:
        message: What is asked.
        page: What was found so far; None before the first look.
        reply: The way back to the asker.
    """

    __slots__ = ("message", "page", "reply")

    def __init__(self, message: QueryEvents, page: Page | None, reply: Reply) -> None:
        self.message = message
        self.page = page
        self.reply = reply


class Rota:
    """Reads that wait: agents take turns, then an agent's connections; a connection's come in order. No checkpoints."""

    def __init__(self) -> None:
        self._agents: OrderedDict[str, OrderedDict[int, deque[Read]]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._agents)

    def add(self, read: Read) -> None:
        """Take a read in."""
        connections = self._agents.setdefault(read.message.agent, OrderedDict())
        connections.setdefault(read.message.connection, deque()).append(read)

    def take(self) -> Read | None:
        """Return the next read that somebody wants still, and let it go; None if there is none."""
        while self._agents:
            agent, connections = self._agents.popitem(last=False)
            connection, reads = connections.popitem(last=False)
            read = reads.popleft()
            if reads:
                connections[connection] = reads
            if connections:
                self._agents[agent] = connections
            if read.reply.wanted:
                return read
        return None


class Reads:
    """Carries reads to their end, a slice at a time, as long as somebody wants them.

    Args:
        turn: Held for each slice; whoever else looks through the log in slices holds it too.
        finished: Told of each read that has come to its end.
    """

    def __init__(self, turn: trio.Lock, finished: Callable[[Read], None]) -> None:
        self._turn = turn
        self._finished = finished
        self._few = Rota()
        self._large = Rota()
        self._long = Rota()
        self._under_way: deque[Read] = deque()
        self._some = trio.Event()

    def add(self, read: Read) -> None:
        """Take a read in, which `run` will finish. Does not checkpoint."""
        (self._few if read.message.query.limit <= FEW else self._large).add(read)
        self._some.set()

    def add_large(self, read: Read) -> None:
        """Take a read in whose page is large in bytes, however few its events. Does not checkpoint.

        What becomes of such a page takes several times as long as it was read in, in the tasks of those who asked; so
        only one is given out in a round of the loop.
        """
        self._large.add(read)
        self._some.set()

    async def run(self, log: Log) -> None:
        """Read on, for ever; a checkpoint.

        Raises:
            LogUnusable: The log turned out to be damaged.
        """
        while True:
            await self._some.wait()
            self._some = trio.Event()
            while self._few or self._large or self._long or self._under_way:
                if self._few:
                    await self._shared_turn(log)
                if (read := self._large.take()) is not None:
                    await self._first_turn(log, read)
                while len(self._under_way) < READING and (read := self._long.take()) is not None:
                    self._under_way.append(read)
                if self._under_way:
                    await self._next_turn(log, self._under_way.popleft())

    async def _shared_turn(self, log: Log) -> None:
        async with self._turn:
            for _ in range(TOGETHER):
                if (read := self._few.take()) is None:
                    return
                if not self._look_on(log, read, SLICE // TOGETHER):
                    self._large.add(read)
                if read.page is not None and read.page.bytes > LARGE_BYTES:
                    return

    async def _first_turn(self, log: Log, read: Read) -> None:
        for _ in range(FIRST_TURN):
            async with self._turn:
                if self._look_on(log, read, SLICE):
                    return
        self._long.add(read)

    async def _next_turn(self, log: Log, read: Read) -> None:
        async with self._turn:
            if not self._look_on(log, read, SLICE):
                self._under_way.append(read)

    def _look_on(self, log: Log, read: Read, max_scan: int) -> bool:
        """Look at the next events; returns whether the read is over: answered, or wanted by nobody any more."""
        if not read.reply.wanted:
            return True
        try:
            with ending_on_damage():
                read.page = page = log.query(read.message.query, max_scan=max_scan, onto=read.page)
        except StoreError as error:
            read.reply(Found(refused=refused(error)))
            return True
        if page.unfinished:
            return False
        self._finished(read)
        return True
