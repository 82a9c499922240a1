"""What an event log must offer to be measured, and where each that is measured comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmarks.measuring.figure import US
from store import Event, NewEvent


class Appending(Protocol):
    """What can be appended to; the bare disk can do no more."""

    def append(self, events: list[NewEvent], *, agent: str) -> object:
        """Store events atomically; each names its stream."""
        ...


class EventStore(Appending, Protocol):
    """An event log with the indexes that ours keeps: order of all, stream and revision, type, agent, correlation."""

    @property
    def head(self) -> int:
        """The last sequence."""
        ...

    def last_of_type(self, kind: str, limit: int) -> Sequence[Event]:
        """Return the newest events of a type, newest first."""
        ...

    def of_stream(self, stream: str, after_revision: int, limit: int) -> Sequence[Event]:
        """Return the events of a stream after a revision, oldest first."""
        ...

    def read(self) -> Iterator[Event]:
        """Yield every event in order."""
        ...


class Openable(Protocol):
    """What a module of a store offers."""

    def open_store(self, directory: Path, policy: str) -> AbstractContextManager[EventStore]:
        """Open its log in a directory that exists.

        Args:
            directory: Where; empty for a new log.
            policy: `never`, or any other for a sync before each append returns.
        """
        ...


class Subject(NamedTuple):
    """A store that is measured.

    Attributes:
        name: What its figures are called.
        module: Where it is; imported in a process of its own alone.
    """

    name: str
    module: str


OURS = Subject(US, "benchmarks.logs.our_log")
SQLITE = Subject("sqlite3", "benchmarks.peers.sqlite_log")
DISK = Subject("write+fdatasync", "benchmarks.peers.bare_disk")
"""The bare disk: one write of as many bytes as the batch's records, then `fdatasync`."""

TO_INSTALL = (
    Subject("LMDB", "benchmarks.peers.lmdb_log"),
    Subject("RocksDB", "benchmarks.peers.rocksdb_log"),
    Subject("eventsourcing+SQLite, 2 indexes", "benchmarks.peers.eventsourcing_log"),
)
"""What the `bench` extra brings. `eventsourcing` keeps the order of all and stream and revision, no other index."""
