"""SQLite as an event log, from the standard library, with the indexes that our log keeps.

It is given every advantage that keeps the comparison true: write-ahead log, a file that no other process may open
(`locking_mode=EXCLUSIVE`, which spares the shared memory), a cache of 64 MB, prepared statements, `executemany` in one
transaction a batch and no explicit transaction around a single event, payloads encoded by msgspec as ours are, and
stream revisions counted in a dict in memory, where a log that several processes may write to would have to look each
up. Pages of 8 and 16 KB, a mapped file and rarer checkpoints were tried and were slower or no faster.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from benchmarks.peers.numbering import Revisions, stream_of
from store import Event, NewEvent

_TABLE = """
CREATE TABLE event (
  sequence INTEGER PRIMARY KEY, stream TEXT NOT NULL, revision INTEGER NOT NULL, type TEXT NOT NULL,
  agent TEXT NOT NULL, time_ns INTEGER NOT NULL, correlation_id TEXT, causation_id TEXT, metadata BLOB, data BLOB
);
"""
_INDEXES = """
CREATE UNIQUE INDEX by_stream ON event (stream, revision);
CREATE INDEX by_type ON event (type);
CREATE INDEX by_agent ON event (agent);
CREATE INDEX by_correlation ON event (correlation_id);
"""
"""Each ends in the primary key, as every index of SQLite does: naming it once more would make them larger."""

_SETTINGS = ("locking_mode=EXCLUSIVE", "journal_mode=WAL")
_CACHE_KB = 64_000

DEFAULT_CACHE_KB = 2_000
"""What SQLite keeps in memory where nobody says how much: for measuring memory."""

_INSERT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_Row = tuple[int, str, int, str, str, int, str | None, str | None, bytes | None, bytes]


class SqliteLog:
    """An event log in one SQLite file.

    Args:
        path: The file, created if need be; None keeps everything in memory.
        durable: Whether each append is synced before it returns (`synchronous=FULL`) or never is (`OFF`).
        indexed: Whether a new log has secondary indexes: without, it can append and replay, and find nothing else.
        cache_kb: How much of the file it keeps in memory.
    """

    def __init__(self, path: Path | None, *, durable: bool, indexed: bool = True, cache_kb: int = _CACHE_KB) -> None:
        exists = path is not None and path.exists()
        self._connection = sqlite3.connect(path if path is not None else ":memory:", isolation_level=None)
        synchronous = "FULL" if durable else "OFF"
        for setting in (*_SETTINGS, f"cache_size=-{cache_kb}", f"synchronous={synchronous}"):
            self._connection.execute(f"PRAGMA {setting}")
        if not exists:
            self._connection.executescript(_TABLE + _INDEXES if indexed else _TABLE)
        self._sequence: int = self._connection.execute("SELECT coalesce(max(sequence), 0) FROM event").fetchone()[0]
        self._revisions = Revisions(self._revision, new=self._sequence == 0)

    @property
    def head(self) -> int:
        """The last sequence."""
        return self._sequence

    def append(self, events: Sequence[NewEvent], *, agent: str) -> None:
        """Store events atomically."""
        encode, revisions, now_ns = msgspec.msgpack.encode, self._revisions, time.time_ns()
        rows: list[_Row] = []
        for event in events:
            stream = stream_of(event, agent)
            self._sequence += 1
            revision = revisions[stream] = revisions[stream] + 1
            metadata = encode(event.metadata) if event.metadata is not None else None
            rows.append((
                self._sequence, stream, revision, event.type, agent, now_ns,
                event.correlation_id, event.causation_id, metadata, encode(event.data),
            ))  # fmt: skip
        if len(rows) == 1:
            self._connection.execute(_INSERT, rows[0])
            return
        self._connection.execute("BEGIN")
        self._connection.executemany(_INSERT, rows)
        self._connection.execute("COMMIT")

    def last_of_type(self, kind: str, limit: int) -> list[Event]:
        """Return the newest events of a type, newest first."""
        sql = "SELECT * FROM event WHERE type = ? ORDER BY sequence DESC LIMIT ?"
        return [_event(row) for row in self._connection.execute(sql, (kind, limit))]

    def of_stream(self, stream: str, after_revision: int, limit: int) -> list[Event]:
        """Return the events of a stream after a revision, oldest first."""
        sql = "SELECT * FROM event WHERE stream = ? AND revision > ? ORDER BY revision LIMIT ?"
        return [_event(row) for row in self._connection.execute(sql, (stream, after_revision, limit))]

    def read(self) -> Iterator[Event]:
        """Yield every event in order."""
        return map(_event, self._connection.execute("SELECT * FROM event ORDER BY sequence"))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _revision(self, stream: str) -> int:
        sql = "SELECT coalesce(max(revision), 0) FROM event WHERE stream = ?"
        found: int = self._connection.execute(sql, (stream,)).fetchone()[0]
        return found

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the log."""
        self.close()


def open_store(directory: Path, policy: str) -> SqliteLog:
    """Open SQLite's log in a directory; under the policy `memory` it has no file."""
    path = None if policy == "memory" else directory / "events.sqlite"
    return SqliteLog(path, durable=policy not in ("never", "memory"))


def _event(row: _Row) -> Event:
    sequence, stream, revision, kind, agent, time_ns, correlation_id, causation_id, metadata, data = row
    return Event(
        sequence=sequence,
        stream=stream,
        revision=revision,
        type=kind,
        agent=agent,
        time_ns=time_ns,
        correlation_id=correlation_id,
        causation_id=causation_id,
        metadata=msgspec.msgpack.decode(metadata) if metadata is not None else None,
        data=msgspec.msgpack.decode(data),
    )
