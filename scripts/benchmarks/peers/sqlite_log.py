"""SQLite as an event log, from the standard library: the same columns and the same indexes as our log keeps.

It is given every advantage that keeps the comparison true: write-ahead log, prepared statements, `executemany` in one
transaction a batch, payloads encoded by msgspec as ours are, and stream revisions counted in a dict in memory, where a
log that several processes may write to would have to look each up.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from benchmarks.peers.numbering import Revisions
from store import Event, NewEvent

NAME = "sqlite3"

_SCHEMA = """
CREATE TABLE event (
  sequence INTEGER PRIMARY KEY, stream TEXT NOT NULL, revision INTEGER NOT NULL, type TEXT NOT NULL,
  agent TEXT NOT NULL, time_ns INTEGER NOT NULL, correlation_id TEXT, causation_id TEXT, metadata BLOB, data BLOB
);
CREATE UNIQUE INDEX by_stream ON event (stream, revision);
CREATE INDEX by_type ON event (type, sequence);
CREATE INDEX by_agent ON event (agent, sequence);
CREATE INDEX by_correlation ON event (correlation_id, sequence);
"""
_INSERT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_Row = tuple[int, str, int, str, str, int, str | None, str | None, bytes | None, bytes]


class SqliteLog:
    """An event log in one SQLite file.

    Args:
        path: The file, created if need be; None keeps everything in memory.
        durable: Whether each append is synced before it returns (`synchronous=FULL`) or never is (`OFF`).
    """

    def __init__(self, path: Path | None, *, durable: bool) -> None:
        exists = path is not None and path.exists()
        self._connection = sqlite3.connect(path if path is not None else ":memory:", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
        if not exists:
            self._connection.executescript(_SCHEMA)
        self._sequence: int = self._connection.execute("SELECT coalesce(max(sequence), 0) FROM event").fetchone()[0]
        self._revisions = Revisions(self._revision, new=self._sequence == 0)

    @property
    def head(self) -> int:
        """The last sequence."""
        return self._sequence

    def append(self, events: Sequence[NewEvent], *, agent: str) -> None:
        """Store events atomically; each must name its stream."""
        encode, revisions, now_ns = msgspec.msgpack.encode, self._revisions, time.time_ns()
        rows: list[_Row] = []
        for event in events:
            assert event.stream is not None
            self._sequence += 1
            revision = revisions[event.stream] = revisions[event.stream] + 1
            metadata = encode(event.metadata) if event.metadata is not None else None
            rows.append((
                self._sequence, event.stream, revision, event.type, agent, now_ns,
                event.correlation_id, event.causation_id, metadata, encode(event.data),
            ))  # fmt: skip
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
    """Open SQLite's log in a directory."""
    return SqliteLog(directory / "events.sqlite", durable=policy != "never")


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
