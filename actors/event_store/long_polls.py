"""Long polls: queries that found nothing yet and wait for their first match.

After each commit those that it may have touched are asked again (`waiter_index`), what takes more than a slice
in turn with the long reads.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import trio

from actors.event_store.distant_conditions import SLICE
from actors.event_store.fatal_errors import ending_on_damage
from actors.event_store.messages import Found, Refused
from actors.event_store.waiter_index import Waiter, Waiters
from actors.kernel import LATER, Later, Reply
from store import Append, Appended, Log, Page, Query, StoreError

WAITING = 4096
"""How many queries may wait for their first match at once."""


class LongPolls:
    """Answers queries, at once or when there is a match.

    Args:
        turn: Held for each slice of a search; whoever else looks through the log in slices holds it too.
    """

    def __init__(self, turn: trio.Lock) -> None:
        self._turn = turn
        self._waiters = Waiters()

    def answer(self, query: Query, page: Page, wait_s: float, reply: Reply, nursery: trio.Nursery) -> Found | Later:
        """Return a page, or have a query wait whose page is empty. Does not checkpoint.

        Args:
            query: The query.
            page: What it found, all of the log looked through or up to the first events.
            wait_s: How long it waits for its first match, in seconds.
            reply: The way back to the asker.
            nursery: Where it waits.
        """
        if page.events or wait_s <= 0 or query.order == "desc":
            return Found(page=page)
        if len(self._waiters) >= WAITING:
            return Found(refused=Refused("unavailable", f"{WAITING} queries wait already; poll again later"))
        waiter = Waiter(msgspec.structs.replace(query, after=page.next), reply)
        reply.on_abandoned(waiter.done.set)
        self._waiters.add(waiter)
        nursery.start_soon(self._wait, waiter, wait_s)
        return LATER

    def look_again(
        self, log: Log, commit: Iterable[tuple[Append, Appended | StoreError]], nursery: trio.Nursery
    ) -> None:
        """Ask again those that a commit may have touched: appends and their outcomes. Does not checkpoint."""
        if self._waiters:
            for waiter in self._waiters.touched_by(commit):
                self._look_again(log, waiter, nursery)

    async def _wait(self, waiter: Waiter, wait_s: float) -> None:
        with trio.move_on_after(wait_s):
            await waiter.done.wait()
        self._waiters.discard(waiter)
        if not waiter.done.is_set():
            waiter.reply(Found(page=Page(events=[], next=waiter.query.after, has_more=False)))

    def _look_again(self, log: Log, waiter: Waiter, nursery: trio.Nursery) -> None:
        if waiter.done.is_set() or waiter.searching:
            return
        with ending_on_damage():
            page = log.query(waiter.query, max_scan=SLICE)
        if page.unfinished and not page.events:
            waiter.searching = True
            nursery.start_soon(self._search_on, log, waiter, page)
        else:
            self._hand_over(waiter, page)

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
