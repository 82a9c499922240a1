"""Append conditions that are about much: looked at in slices before staging, so that the loop never stalls.

A condition's `after` is usually close to the head, and its append queues at once. Where it is not, the append is held
until all up to the head was looked at, and its agent's later ones stay behind it; nobody else waits. What is committed
meanwhile is looked at, in slices too, when its group is made up: then the head stands still, and staging has only the
group itself left to compare with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import trio

from actors.event_store.commit_groups import Pending
from actors.event_store.fatal_errors import ending_on_damage
from actors.kernel import Reply
from store import Append, Invalid, Log, Query
from store.model.append import queries_of

SLICE = 500
"""How many events a search looks at before others get a turn."""


class Distant:
    """The appends that are held.

    Args:
        queue: takes an append whose turn it is.
    """

    def __init__(self, queue: Callable[[Pending], None]) -> None:
        self._queue = queue
        self._held: dict[str, deque[Pending]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def take(self, log: Log, append: Append, reply: Reply, nursery: trio.Nursery) -> bool:
        """Hold an append, if its condition is about much or an earlier one of its agent is held; say whether."""
        held = self._held.get(append.agent)
        if held is None and not _is_distant(log, append):
            return False
        self._count += 1
        if held is not None:
            held.append((append, reply, 0))
        else:
            self._held[append.agent] = deque([(append, reply, 0)])
            nursery.start_soon(self._release, log, append.agent)
        return True

    async def _release(self, log: Log, agent: str) -> None:
        held = self._held[agent]
        while held:
            append, reply, _ = held[0]
            with ending_on_damage():
                cleared = await look_ahead(log, *held[0]) if _is_distant(log, append) else 0
            held.popleft()
            self._count -= 1
            self._queue((append, reply, cleared))
        del self._held[agent]


async def look_ahead(log: Log, append: Append, reply: Reply, cleared: int) -> int:
    """Return up to which sequence no committed event matches an append's condition; checkpoints if it has one.

    Args:
        log: the log.
        append: the append.
        reply: tells whether anybody still wants it.
        cleared: up to which sequence that is known.

    Raises:
        LogDamaged: an event's bytes changed since they were written.
    """
    if append.fail_if is None:
        return 0
    try:
        queries = queries_of(append.fail_if)
    except Invalid:
        return 0  # staging will say why
    return min([await _look_ahead(log, query, reply, cleared) for query in queries])


async def _look_ahead(log: Log, query: Query, reply: Reply, cleared: int) -> int:
    asked = {"after": max(query.after, cleared), "limit": 1, "order": "asc"}
    page = None
    while page is None or (page.unfinished and reply.wanted):
        await trio.lowlevel.checkpoint()
        try:
            page = log.query(query, max_scan=SLICE, onto=page, **asked)
        except Invalid:
            return 0  # staging will say why
    return page.events[0].sequence - 1 if page.events else page.next


def _is_distant(log: Log, append: Append) -> bool:
    if append.fail_if is None:
        return False
    try:
        return log.head - min(query.after for query in queries_of(append.fail_if)) > SLICE
    except Invalid:
        return False  # staging will say why
