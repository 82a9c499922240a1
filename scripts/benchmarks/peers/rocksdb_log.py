"""RocksDB as an event log: records by sequence, and a key for each posting, told apart by their first letter.

It is given every advantage that keeps the comparison true: one write batch an append, keys and values as raw bytes,
records encoded by msgspec as ours are, its own defaults otherwise. A durable append syncs the write-ahead log, any
other writes it without.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, cast

import msgspec
from rocksdict import Options, Rdict, WriteBatch, WriteOptions

from benchmarks.peers.numbering import Numbering
from store import Event, NewEvent

_LAST = b"\xff" * 8
"""Where the highest sequence of a type would stand."""

_sequence_key = struct.Struct(">Q").pack
_revision_key = struct.Struct(">I").pack
_decode = msgspec.msgpack.Decoder(Event).decode


class RocksLog:
    """An event log in one RocksDB database.

    Args:
        database: It, in raw mode.
        sync: Whether each append is synced.
    """

    def __init__(self, database: Rdict, *, sync: bool) -> None:
        self._database = database
        self._options = WriteOptions()
        self._options.sync = sync
        self._numbering = Numbering(self._last(b"e", 8), self._revision)

    @property
    def head(self) -> int:
        """The last sequence."""
        return self._numbering.head

    def append(self, events: Sequence[NewEvent], *, agent: str) -> None:
        """Store events atomically."""
        encode, batch = msgspec.msgpack.encode, WriteBatch(raw_mode=True)
        put, by_agent = batch.put, b"a" + agent.encode() + b"\0"
        for event in self._numbering.numbered(events, agent):
            key = _sequence_key(event.sequence)
            put(b"e" + key, encode(event))
            put(_of_stream(event.stream, event.revision), key)
            put(b"t" + event.type.encode() + b"\0" + key, b"")
            put(by_agent + key, b"")
            if event.correlation_id is not None:
                put(b"c" + event.correlation_id.encode() + b"\0" + key, b"")
        self._database.write(batch, self._options)

    def last_of_type(self, kind: str, limit: int) -> list[Event]:
        """Return the newest events of a type, newest first."""
        prefix = b"t" + kind.encode() + b"\0"
        keys = takewhile(lambda key: key.startswith(prefix), self._keys(prefix + _LAST, backwards=True))
        return self._events([key[-8:] for key in islice(keys, limit)])

    def of_stream(self, stream: str, after_revision: int, limit: int) -> list[Event]:
        """Return the events of a stream after a revision, oldest first."""
        first, prefix = _of_stream(stream, after_revision + 1), b"s" + stream.encode() + b"\0"
        items = cast("Iterator[tuple[bytes, bytes]]", self._database.items(from_key=first))
        return self._events(
            [key for _, key in islice(takewhile(lambda item: item[0].startswith(prefix), items), limit)]
        )

    def read(self) -> Iterator[Event]:
        """Yield every event in order."""
        return map(_decode, islice(self._database.values(from_key=b"e"), self.head))

    def _events(self, keys: list[bytes]) -> list[Event]:
        wanted = [b"e" + key for key in keys]
        return [_decode(record) for record in cast("list[bytes]", self._database.get(cast("Any", wanted)))]

    def _revision(self, stream: str) -> int:
        return self._last(b"s" + stream.encode() + b"\0", 4)

    def _last(self, prefix: bytes, width: int) -> int:
        """Return the number that the last key with a prefix ends in, of so many bytes; 0 if there is no such key."""
        key = next(self._keys(prefix + b"\xff" * width, backwards=True), b"")
        return int.from_bytes(key[len(prefix) :], "big") if key.startswith(prefix) else 0

    def _keys(self, from_key: bytes, *, backwards: bool) -> Iterator[bytes]:
        return cast("Iterator[bytes]", self._database.keys(backwards=backwards, from_key=from_key))


@contextmanager
def open_store(directory: Path, policy: str) -> Generator[RocksLog]:
    """Open a RocksDB log in a directory."""
    options = Options(raw_mode=True)
    options.create_if_missing(create_if_missing=True)
    with Rdict(str(directory), options) as database:
        yield RocksLog(database, sync=policy != "never")


def _of_stream(stream: str, revision: int) -> bytes:
    return b"s" + stream.encode() + b"\0" + _revision_key(revision)
