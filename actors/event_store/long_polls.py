"""Long polls: queries that found nothing yet and wait for their first match.

A commit marks those that it may have answered (`waiter_index`) and looks at none of them. A task asks the log for them
then, agents in turn and a few at a time, what takes more than that in turn with the long reads. So neither those who
wait for something else nor those who are answered hold up the next commit.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Final

import msgspec
import trio

from actors.event_store.distant_conditions import SLICE
from actors.event_store.fatal_errors import ending_on_damage
from actors.event_store.messages import Found, QueryEvents, Refused
from actors.event_store.waiter_index import Bucket, Waiter, Waiters
from actors.kernel import LATER, Later, Reply
from store import Append, Appended, Log, Page, StoreError

WAITING: Final = 4096
"""How many queries may wait for their first match at once: twice as many as the desk lets agents have."""

LOOK: Final = 32
"""How many events a waiter's first look at a commit may take: few are committed together, and its query narrows it."""

TURN: Final = 64
"""How much is done for waiters before others get a turn, in looks and events handed over: about a millisecond."""


class LongPolls:
    """Answers queries, at once or when there is a match.

    Args:
        turn: Held for each slice of a search; whoever else looks through the log in slices holds it too.
    """

    def __init__(self, turn: trio.Lock) -> None:
        self._turn = turn
        self._waiters = Waiters()
        self._touched: dict[int, Bucket] = {}
        self._some = trio.Event()
        self._due: OrderedDict[str, deque[Waiter]] = OrderedDict()

    def answer(self, asked: QueryEvents, page: Page, reply: Reply, nursery: trio.Nursery) -> Found | Later:
        """Return a page, or have a query wait whose page is empty. Does not checkpoint.

        Args:
            asked: The query, and how long it waits for its first match.
            page: What it found, all of the log looked through or up to the first events.
            reply: The way back to the asker.
            nursery: Where it waits.
        """
        query = asked.query
        if page.events or asked.wait_s <= 0 or query.order == "desc":
            return Found(page=page)
        if len(self._waiters) >= WAITING:
            return Found(refused=Refused("unavailable", f"{WAITING} queries wait already; poll again later"))
        waiter = Waiter(msgspec.structs.replace(query, after=page.next), asked.agent, reply)
        reply.on_abandoned(waiter.done.set)
        self._waiters.add(waiter)
        nursery.start_soon(self._wait, waiter, asked.wait_s)
        return LATER

    def touched(self, commit: Iterable[tuple[Append, Appended | StoreError]]) -> None:
        """Mark those that a commit may have answered: appends and their outcomes. Does not checkpoint."""
        if self._waiters and (touched := self._waiters.touched_by(commit)):
            self._touched.update((id(bucket), bucket) for bucket in touched)
            self._some.set()

    async def run(self, log: Log, nursery: trio.Nursery) -> None:
        """Ask the log again for those that were marked, for ever; a checkpoint.

        Raises:
            LogUnusable: The log turned out to be damaged.
        """
        while True:
            await self._some.wait()
            self._some = trio.Event()
            while self._take_touched() or self._due:
                async with self._turn:
                    self._one_turn(log, nursery)

    async def _wait(self, waiter: Waiter, wait_s: float) -> None:
        with trio.move_on_after(wait_s):
            await waiter.done.wait()
        self._waiters.discard(waiter)
        if not waiter.done.is_set():
            waiter.done.set()
            waiter.reply(Found(page=Page(events=[], next=waiter.query.after, has_more=False)))

    def _take_touched(self) -> bool:
        touched, self._touched = self._touched, {}
        for bucket in touched.values():
            for waiter in bucket:
                if not waiter.due:
                    waiter.due = True
                    self._due.setdefault(waiter.agent, deque()).append(waiter)
        return bool(touched)

    def _one_turn(self, log: Log, nursery: trio.Nursery) -> None:
        left = TURN
        while left > 0 and self._due:
            agent, waiters = self._due.popitem(last=False)
            waiter = waiters.popleft()
            waiter.due = False
            if waiters:
                self._due[agent] = waiters
            left -= 1 + self._look_again(log, waiter, nursery)

    def _look_again(self, log: Log, waiter: Waiter, nursery: trio.Nursery) -> int:
        """Ask the log for a waiter; returns how many events it was given."""
        if waiter.done.is_set() or waiter.searching or waiter.query.after >= log.head:
            return 0
        with ending_on_damage():
            page = log.query(waiter.query, max_scan=LOOK)
        if page.unfinished and not page.events:
            waiter.searching = True
            nursery.start_soon(self._search_on, log, waiter, page)
        else:
            self._hand_over(waiter, page)
        return len(page.events)

    async def _search_on(self, log: Log, waiter: Waiter, page: Page) -> None:
        """Go on behind a slice in which a waiter's first match is not."""
        while page.unfinished and not page.events and not waiter.done.is_set():
            async with self._turn:
                with ending_on_damage():
                    page = log.query(waiter.query, max_scan=SLICE, onto=page)
        waiter.searching = False
        if not waiter.done.is_set():
            self._hand_over(waiter, page)

    @staticmethod
    def _hand_over(waiter: Waiter, page: Page) -> None:
        if page.events:
            waiter.done.set()
            waiter.reply(Found(page=page))
        else:
            waiter.query = msgspec.structs.replace(waiter.query, after=page.next)
