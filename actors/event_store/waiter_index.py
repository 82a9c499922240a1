"""Queries that wait for their first match, found again by what a commit has stored. Pure: no task, no time.

Each waiter is filed once, under all that it names at the same time: stream, types, agents and correlation id. Waiters
that name the same kinds of things share a table, so what a commit costs is a look-up for each of its events in each
table (sixteen at the most, and twice that where some may not read every stream), however many wait. A waiter that
names many types and many agents is filed by its types alone. What no table can tell, `where` and times, is asked of the
log later, a few waiters at a time (`long_polls`).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Final, NamedTuple, TypeAlias

import trio

from actors.kernel import Reply
from store import Append, Appended, Query, StoreError
from store.model.append import stream_of

PAIRS: Final = 64
"""Under how many pairs of a type and an agent a waiter is filed at the most: as many as a query may name types."""

Key: TypeAlias = tuple[str | None, str | None, str | None, str | None]
"""Stream, type, agent and correlation id, of an event or of what waits for it; None where it plays no part."""


class Waiter:
    """One query that waits.

    Attributes:
        query: What it waits for; its `after` moves on as the log is searched in vain.
        agent: Who waits.
        reply: The way back to the asker.
        due: Whether it waits for its turn to be looked at.
        searching: Whether a task looks for it in what was committed.
        done: Set when it has been answered, or nobody waits for it any more.
    """

    __slots__ = ("agent", "done", "due", "query", "reply", "searching")

    def __init__(self, query: Query, agent: str, reply: Reply) -> None:
        self.query = query
        self.agent = agent
        self.reply = reply
        self.due = False
        self.searching = False
        self.done = trio.Event()


Bucket: TypeAlias = dict[Waiter, None]
"""Waiters that are filed under one key, in the order of their coming."""


class _Kind(NamedTuple):
    """What the waiters of one table name, and which streams they may not read."""

    stream: bool
    type: bool
    agent: bool
    correlation: bool
    hidden: tuple[str, ...]

    def key_of(self, event: Key) -> Key:
        """Return under which key a waiter of this kind would be that an event answers."""
        stream, kind, agent, correlation = event
        return (
            stream if self.stream else None,
            kind if self.type else None,
            agent if self.agent else None,
            correlation if self.correlation else None,
        )


class Waiters:
    """All queries that wait. Belongs to the loop's thread; nothing checkpoints."""

    def __init__(self) -> None:
        self._tables: dict[_Kind, dict[Key, Bucket]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, waiter: Waiter) -> None:
        """Take a waiter in."""
        self._count += 1
        kind, keys = _filed(waiter.query)
        table = self._tables.setdefault(kind, {})
        for key in keys:
            table.setdefault(key, {})[waiter] = None

    def discard(self, waiter: Waiter) -> None:
        """Let a waiter go that was taken in."""
        self._count -= 1
        kind, keys = _filed(waiter.query)
        table = self._tables[kind]
        for key in keys:
            bucket = table[key]
            del bucket[waiter]
            if not bucket:
                del table[key]
        if not table:
            del self._tables[kind]

    def touched_by(self, commit: Iterable[tuple[Append, Appended | StoreError]]) -> list[Bucket]:
        """Return the waiters that what was committed may answer: appends and their outcomes.

        It takes as long as there are events in it, whoever waits: no waiter is looked at.
        """
        correlated = any(kind.correlation for kind in self._tables)
        events: set[Key] = set()
        for append, outcome in commit:
            if isinstance(outcome, Appended) and not outcome.deduplicated:
                default, agent = stream_of(append), append.agent
                events |= {
                    (event.stream or default, event.type, agent, event.correlation_id if correlated else None)
                    for event in append.events
                }
        found: list[Bucket] = []
        for kind, table in self._tables.items():
            keys = {kind.key_of(event) for event in events if event[0] not in kind.hidden}
            found += [table[key] for key in keys if key in table]
        return found


def _filed(query: Query) -> tuple[_Kind, list[Key]]:
    """Return how a query is filed, the same however often it is asked."""
    types: tuple[str | None, ...] = tuple(dict.fromkeys(query.types)) or (None,)
    agents: tuple[str | None, ...] = tuple(dict.fromkeys(query.agents)) or (None,)
    if len(types) * len(agents) > PAIRS and query.types:
        agents = (None,)
    kind = _Kind(
        query.stream is not None, bool(query.types), agents != (None,), query.correlation_id is not None, query.hidden
    )
    return kind, [(query.stream, *pair, query.correlation_id) for pair in product(types, agents)]
