"""Queries that wait for their first match, found again by what a commit has touched. Pure: no task, no time.

A commit looks only at the waiters that name one of its streams, else one of its types, else neither; whoever is left
then asks the log. A thousand agents that follow streams of their own cost a commit nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import trio

from actors.kernel import Reply
from store import Append, Appended, Query, StoreError


class Waiter:
    """One query that waits.

    Attributes:
        query: What it waits for; its `after` moves on as the log is searched in vain.
        reply: The way back to the asker.
        searching: Whether a task looks for it in what was committed.
        done: Set when it has been answered, or nobody waits for it any more.
    """

    __slots__ = ("done", "query", "reply", "searching")

    def __init__(self, query: Query, reply: Reply) -> None:
        self.query = query
        self.reply = reply
        self.searching = False
        self.done = trio.Event()


class Waiters:
    """All queries that wait."""

    def __init__(self) -> None:
        self._by_stream: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._by_type: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._others: set[Waiter] = set()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, waiter: Waiter) -> None:
        """Take a waiter in."""
        self._count += 1
        for bucket in self._buckets(waiter.query):
            bucket.add(waiter)

    def discard(self, waiter: Waiter) -> None:
        """Let a waiter go that was taken in."""
        self._count -= 1
        for bucket in self._buckets(waiter.query):
            bucket.discard(waiter)
        if waiter.query.stream is not None and not self._by_stream[waiter.query.stream]:
            del self._by_stream[waiter.query.stream]
        for kind in waiter.query.types:
            if not self._by_type[kind]:
                del self._by_type[kind]

    def touched_by(self, commit: Iterable[tuple[Append, Appended | StoreError]]) -> list[Waiter]:
        """Return the waiters whose query may match what was committed: appends and their outcomes."""
        stored = [(append, outcome) for append, outcome in commit if isinstance(outcome, Appended)]
        if not stored:
            return []
        found = set(self._others)
        for stream in {stream for _, appended in stored for stream in appended.revisions}:
            found |= self._by_stream.get(stream, set())
        if self._by_type:
            for kind in {event.type for append, _ in stored for event in append.events}:
                found |= self._by_type.get(kind, set())
        return list(found)

    def _buckets(self, query: Query) -> list[set[Waiter]]:
        if query.stream is not None:
            return [self._by_stream[query.stream]]
        if query.types:
            return [self._by_type[kind] for kind in query.types]
        return [self._others]
