"""LMDB as an event log: a database of records by sequence and one for each index.

It is given every advantage that keeps the comparison true: keys of fixed width appended in order, postings as sorted
duplicates of fixed size, one `putmulti` for each index and batch (unsorted: sorting first was slower), records encoded
by msgspec as ours are. A durable commit syncs as LMDB does by default; otherwise `sync=False`.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import lmdb
import msgspec

from benchmarks.peers.numbering import Numbering
from store import Event, NewEvent

_MAP_BYTES = 1 << 36
"""How far the file may grow: only address space is taken, so it is more than any log here needs."""

_LAST = b"\xff" * 4
"""Where the highest revision of a stream would stand."""

_sequence_key = struct.Struct(">Q").pack
_revision_key = struct.Struct(">I").pack
_decode = msgspec.msgpack.Decoder(Event).decode


class LmdbLog:
    """An event log in one LMDB environment.

    Args:
        environment: It.
    """

    def __init__(self, environment: lmdb.Environment) -> None:
        self._environment = environment
        self._events = environment.open_db(b"event")
        self._streams = environment.open_db(b"stream")
        self._types, self._agents, self._correlations = (
            environment.open_db(name, dupsort=True, dupfixed=True) for name in (b"type", b"agent", b"correlation")
        )
        with environment.begin(db=self._events) as transaction:
            head = int(transaction.stat(self._events)["entries"])
        self._numbering = Numbering(head, self._revision)

    @property
    def head(self) -> int:
        """The last sequence."""
        return self._numbering.head

    def append(self, events: Sequence[NewEvent], *, agent: str) -> None:
        """Store events atomically."""
        encode = msgspec.msgpack.encode
        numbered = self._numbering.numbered(events, agent)
        keys = [_sequence_key(event.sequence) for event in numbered]
        records = [(key, encode(event)) for key, event in zip(keys, numbered, strict=True)]
        streams = [(_of_stream(event.stream, event.revision), key) for key, event in zip(keys, numbered, strict=True)]
        types = [(event.type.encode(), key) for key, event in zip(keys, numbered, strict=True)]
        agents = [(agent.encode(), key) for key in keys]
        correlations = [
            (event.correlation_id.encode(), key)
            for key, event in zip(keys, numbered, strict=True)
            if event.correlation_id is not None
        ]
        with self._environment.begin(write=True) as transaction:
            with transaction.cursor(self._events) as cursor:
                cursor.putmulti(records, append=True)
            for database, postings in (
                (self._streams, streams),
                (self._types, types),
                (self._agents, agents),
                (self._correlations, correlations),
            ):
                with transaction.cursor(database) as cursor:
                    cursor.putmulti(postings)

    def last_of_type(self, kind: str, limit: int) -> list[Event]:
        """Return the newest events of a type, newest first."""
        with self._environment.begin() as transaction, transaction.cursor(self._types) as cursor:
            if not cursor.set_key(kind.encode()) or not cursor.last_dup():
                return []
            keys = list(islice(_previous(cursor), limit))
            return [_decode(transaction.get(key, b"", db=self._events)) for key in keys]

    def of_stream(self, stream: str, after_revision: int, limit: int) -> list[Event]:
        """Return the events of a stream after a revision, oldest first."""
        prefix = stream.encode() + b"\0"
        found: list[Event] = []
        with self._environment.begin() as transaction, transaction.cursor(self._streams) as cursor:
            cursor.set_range(_of_stream(stream, after_revision + 1))
            for key, sequence in islice(cursor.iternext(), limit):
                if not key.startswith(prefix):
                    break
                found.append(_decode(transaction.get(sequence, b"", db=self._events)))
        return found

    def read(self) -> Iterator[Event]:
        """Yield every event in order."""
        with self._environment.begin() as transaction, transaction.cursor(self._events) as cursor:
            yield from map(_decode, cursor.iternext(keys=False))

    def _revision(self, stream: str) -> int:
        """Look a stream's last revision up: it is just before what would follow it."""
        with self._environment.begin() as transaction, transaction.cursor(self._streams) as cursor:
            beyond = cursor.set_range(stream.encode() + b"\0" + _LAST)
            if not (cursor.prev() if beyond else cursor.last()):
                return 0
            name, _, revision = cursor.key().partition(b"\0")
            return int.from_bytes(revision, "big") if name == stream.encode() else 0


@contextmanager
def open_store(directory: Path, policy: str) -> Generator[LmdbLog]:
    """Open an LMDB log in a directory."""
    durable = policy != "never"
    with lmdb.open(str(directory), map_size=_MAP_BYTES, max_dbs=5, sync=durable, metasync=durable) as environment:
        yield LmdbLog(environment)


def _of_stream(stream: str, revision: int) -> bytes:
    return stream.encode() + b"\0" + _revision_key(revision)


def _previous(cursor: lmdb.Cursor) -> Iterator[bytes]:
    more = True
    while more:
        yield bytes(cursor.value())
        more = cursor.prev_dup()
