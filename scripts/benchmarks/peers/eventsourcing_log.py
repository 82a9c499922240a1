"""The `eventsourcing` library with its SQLite recorder as an event log.

It keeps the order of all events and stream and revision, no index by type, agent or correlation: less work than ours
does. Records are encoded by msgspec as ours are, which is quicker than its own transcoder; the recorder is called
directly, without aggregates. A durable append syncs as it does by default (`synchronous=FULL`), any other not at all.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from benchmarks.peers.numbering import Numbering
from store import Event, NewEvent

_PAGE = 1_000
"""How many events one select brings: they all stand in memory at once."""

_decode = msgspec.msgpack.Decoder(Event).decode


class EventsourcingLog:
    """An event log in one table of `eventsourcing`.

    Args:
        recorder: It.
    """

    def __init__(self, recorder: SQLiteApplicationRecorder) -> None:
        self._recorder = recorder
        self._numbering = Numbering(recorder.max_notification_id() or 0, self._revision)

    @property
    def head(self) -> int:
        """The last sequence."""
        return self._numbering.head

    def append(self, events: Sequence[NewEvent], *, agent: str) -> None:
        """Store events atomically."""
        encode = msgspec.msgpack.encode
        self._recorder.insert_events([
            StoredEvent(event.stream, event.revision, event.type, encode(event))
            for event in self._numbering.numbered(events, agent)
        ])  # fmt: skip

    def last_of_type(self, kind: str, limit: int) -> list[Event]:
        """Return the newest events of a type, newest first: all are read, oldest first, for there is no other way."""
        found = self._recorder.select_notifications(1, self.head, topics=[kind])
        return [_decode(each.state) for each in reversed(found[-limit:])]

    def of_stream(self, stream: str, after_revision: int, limit: int) -> list[Event]:
        """Return the events of a stream after a revision, oldest first."""
        return [_decode(each.state) for each in self._recorder.select_events(stream, gt=after_revision, limit=limit)]

    def read(self) -> Iterator[Event]:
        """Yield every event in order."""
        for start in range(1, self.head + 1, _PAGE):
            for each in self._recorder.select_notifications(start, _PAGE):
                yield _decode(each.state)

    def _revision(self, stream: str) -> int:
        last = self._recorder.select_events(stream, desc=True, limit=1)
        return last[0].originator_version if last else 0


@contextmanager
def open_store(directory: Path, policy: str) -> Generator[EventsourcingLog]:
    """Open a log of `eventsourcing` in a directory."""
    datastore = SQLiteDatastore(str(directory / "events.sqlite"), originator_id_type="text")
    try:
        recorder = SQLiteApplicationRecorder(datastore)
        recorder.create_table()
        if policy == "never":
            # A pool gives its one idle connection to every caller of one thread.
            with datastore.get_connection(commit=True) as connection:
                connection.cursor().execute("PRAGMA synchronous=OFF")
        yield EventsourcingLog(recorder)
    finally:
        datastore.close()
