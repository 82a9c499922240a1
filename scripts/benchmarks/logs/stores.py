"""What an event log must offer to be measured, and where each that is measured comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmarks.measuring.figure import PURE, US
from store import Event, NewEvent


class Appending(Protocol):
    """What can be appended to; the bare disk can do no more."""

    def append(self, events: list[NewEvent], *, agent: str) -> object:
        """Store events atomically; those that name no stream go to `agent/AGENT`."""
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
            policy: `memory` for a log without a file, where there is such a one; `never`; or any other, for a sync
                before each append returns.
        """
        ...


class Subject(NamedTuple):
    """A store that is measured.

    Attributes:
        name: What its figures are called.
        module: Where it is; imported in a process of its own alone.
        pure: Whether its process goes without our native part.
    """

    name: str
    module: str
    pure: bool = False


OURS = Subject(US, "benchmarks.logs.our_log")
OURS_PURE = Subject(PURE, "benchmarks.logs.our_log", pure=True)
"""Our log as it is where the package was installed without a compiler, or under `MOOTHALL_PURE=1`."""

SQLITE = Subject("SQLite, all indexes", "benchmarks.peers.sqlite_log")
SQLITE_UNINDEXED = Subject("SQLite, no secondary index", "benchmarks.peers.sqlite_unindexed_log")
"""It takes part in appends alone: without indexes it finds nothing in time."""

DISK = Subject("write+fdatasync", "benchmarks.peers.bare_disk")
"""The bare disk: one write of as many bytes as the batch's records, in place, then `fdatasync`."""

UMADB = Subject("UmaDB", "benchmarks.peers.umadb_log")
"""A server that its client speaks to over the loopback; it syncs whatever the policy."""

EVENTSOURCING = Subject("eventsourcing+SQLite, 2 indexes", "benchmarks.peers.eventsourcing_log")

TO_INSTALL = (
    Subject("LMDB", "benchmarks.peers.lmdb_log"),
    Subject("RocksDB", "benchmarks.peers.rocksdb_log"),
    EVENTSOURCING,
    UMADB,
)
"""What the `bench` extra brings. `eventsourcing` keeps the order of all and stream and revision, no other index."""

SYNCS_ALWAYS = frozenset({DISK.name, UMADB.name})
"""The names of what has no part in work that is not synced."""

SERVERS = frozenset({UMADB})
"""What is opened by starting a process: no opening of a log compares with that."""
