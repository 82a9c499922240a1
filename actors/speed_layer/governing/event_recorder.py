"""Writes the speed layer's own events to the log, in order, one append after the other.

Anyone who adds events goes on at once, and is told when they are durable. An append whose outcome is unknown is tried
again at the same revision of its stream, which nobody else writes to: if it is there, the revision has moved on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
import trio

from actors.event_store.messages import AppendEvents, QueryEvents
from actors.kernel import ActorError, Ref
from store import Append, Event, NewEvent, Query

RETRY_S: Final = 0.2
"""How long to wait before an append is tried again, in seconds: long beside a disk sync."""

MAX_MERGED: Final = 500
"""How many events go into one append at most, unless they were added together: half of what the log takes at once."""

MAX_MERGED_BYTES: Final = 1 << 20
"""How many bytes of events do: far less than the log takes at once, since what it refuses for good ends the actor."""

_encode = msgspec.msgpack.Encoder().encode


class _Due(NamedTuple):
    events: list[NewEvent]
    size: int
    then: Callable[[], Any] | None


class EventRecorder:
    """The one writer of the speed layer's streams.

    Args:
        store: The event store.
    """

    def __init__(self, store: Ref) -> None:
        self._store = store
        self._due: deque[_Due] = deque()
        self._added = trio.Event()
        self._idle = trio.Event()
        self._idle.set()
        self._revisions: dict[str, int] = {}

    async def read(self, stream: str) -> list[Event]:
        """Return all events of a stream, and take its revision for the appends to come; a checkpoint."""
        events: list[Event] = []
        more = True
        while more:
            after = events[-1].sequence if events else 0
            found = await self._store.ask(QueryEvents(Query(stream=stream, after=after, limit=1000)))
            if found.page is None:
                raise ActorError(f"stream {stream!r} cannot be read: {found.refused}")
            events += found.page.events
            more = found.page.has_more
        self._revisions[stream] = events[-1].revision if events else 0
        return events

    def add(self, events: list[NewEvent], then: Callable[[], Any] | None = None) -> None:
        """Have events of one stream or more appended together; `then` is called when they are durable."""
        self._due.append(_Due(events, len(_encode(events)), then))
        self._idle = trio.Event()
        self._added.set()

    async def run(self) -> None:
        """Append what is added, for ever; a checkpoint."""
        while True:
            await self._added.wait()
            self._added = trio.Event()
            while self._due:
                group = self._next()
                await self._append([event for due in group for event in due.events])
                for due in group:
                    if due.then is not None:
                        due.then()
            if not self._due:
                self._idle.set()

    async def drained(self) -> None:
        """Wait until all that was added is durable; a checkpoint."""
        await self._idle.wait()

    def _next(self) -> list[_Due]:
        """Take what goes into the next append: what was added first, and what fits behind it on the same stream."""
        group = [self._due.popleft()]
        stream, count, size = group[0].events[0].stream, len(group[0].events), group[0].size
        while self._due and self._due[0].events[0].stream == stream:
            count += len(self._due[0].events)
            size += self._due[0].size
            if count > MAX_MERGED or size > MAX_MERGED_BYTES:
                break
            group.append(self._due.popleft())
        return group

    async def _append(self, events: list[NewEvent]) -> None:
        stream = events[0].stream or ""
        expected = self._revisions[stream]
        append = Append(events=events, agent="moothall", stream=stream, expected_revision=expected)
        own = sum(event.stream == stream for event in events)
        while True:
            try:
                stored = await self._store.ask(AppendEvents(append))
            except ActorError:
                await trio.sleep(RETRY_S)
                continue
            refused = stored.refused
            if refused is None or (refused.code == "revision_conflict" and refused.detail["actual"] == expected + own):
                break
            if refused.code != "unavailable":
                raise RuntimeError(f"the log does not take the speed layer's events: {refused.message}")
            await trio.sleep(RETRY_S)
        for event in events:
            if event.stream is not None:
                self._revisions[event.stream] = self._revisions.get(event.stream, 0) + 1
