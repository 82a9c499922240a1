"""Staging: appends in, frames and outcomes-to-be out, without any I/O.

What is staged counts at once for the next append's conditions, and is taken back when its write fails. That is what
lets the next group be prepared while the last one is on its way to the disk.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import repeat
from operator import attrgetter
from typing import Any

import msgspec

from store import frame as frames
from store.append import Append, Appended, check_expected, stream_of
from store.errors import DiskFull, Invalid, StoreError, TooLarge
from store.event import NewEvent
from store.limits import Limits, check_finite, check_name, check_payloads, may_hold_non_finite
from store.names import Interner, correlation_id_hash
from store.reader import Segment

HASH_BYTES = 16

_columns_of = attrgetter("type", "data", "stream", "correlation_id", "causation_id", "metadata")
_encode = msgspec.msgpack.Encoder().encode
_encode_sorted = msgspec.msgpack.Encoder(order="deterministic").encode


@dataclass(slots=True, kw_only=True)
class StagedFrame:
    """A frame to be: everything but its header, which depends on the segment and the moment of writing.

    `streams`, `types` and `correlations` have an id for each event, `agent` is one id for all.
    """

    first_sequence: int
    count: int
    body: bytes
    time_ns: int
    streams: Sequence[int]
    types: Sequence[int]
    correlations: Sequence[int]
    agent: int
    command: frames.Command | None
    appended: Appended

    @property
    def last_sequence(self) -> int:
        """The sequence of its last event."""
        return self.first_sequence + self.count - 1


@dataclass(slots=True, kw_only=True)
class Staged:
    """One group: what `stage` made of some appends.

    Attributes:
        outcomes: the outcome-to-be of each append, in order.
        needs_sync: whether the policy wants the acknowledgement after the fsync.
        frames: what is to be written.
        places: where each frame was written, once it was: the segment and the byte offset.
        flushed: whether it was written, and synced if the policy says so.
        failure: why nothing of it was stored, if so.
    """

    outcomes: list[Appended | StoreError]
    needs_sync: bool
    frames: list[StagedFrame]
    places: list[tuple[Segment, int]] = field(default_factory=list)
    flushed: bool = False
    failure: DiskFull | None = None


class Columns(msgspec.Struct):
    """The events of an append, by attribute; `streams` is None if all go to the append's stream."""

    types: Sequence[str]
    datas: Sequence[Any]
    streams: Sequence[str] | None
    correlations: Sequence[str | None]
    causations: Sequence[str | None]
    metadatas: Sequence[dict[str, Any] | None]


def payload_hash(append: Append) -> bytes:
    """Return 16 bytes that two appends share only if they ask for the same, whatever the order of keys.

    Raises:
        Invalid: the append cannot be encoded.
    """
    asked = (append.events, append.stream, append.expected_revision, append.fail_if)
    try:
        return blake2b(_encode_sorted(asked), digest_size=HASH_BYTES).digest()
    except (OverflowError, TypeError, ValueError, RecursionError) as error:
        raise Invalid(f"the append cannot be encoded: {error}") from error


def checked_columns(append: Append, limits: Limits) -> Columns:
    """Check everything about an append that does not depend on the log, but for names that are usually known.

    Raises:
        Invalid: something is not acceptable.
        TooLarge: there are too many events.
    """
    count = len(append.events)
    if count > limits.batch_events:
        raise TooLarge(f"{count} events in one append: split it, {limits.batch_events} is the most")
    if not count:
        raise Invalid("an append without events: give at least one")
    if not {NewEvent}.issuperset(map(type, append.events)):
        raise Invalid("an append holds something that is no NewEvent: give a list of NewEvent")
    types, datas, streams, correlations, causations, metadatas = zip(*map(_columns_of, append.events), strict=True)
    if None in datas:
        datas = tuple({} if data is None else data for data in datas)
    check_payloads(datas, limits.depth)
    _check_metadata(metadatas, limits)
    for what, names in (("correlation_id", correlations), ("causation_id", causations)):
        for name in {*names} - {None}:
            check_name(what, name)
    own_streams = None
    if any(stream is not None for stream in streams):
        default = stream_of(append)
        own_streams = tuple(default if stream is None else stream for stream in streams)
    return Columns(types, datas, own_streams, correlations, causations, metadatas)


def _check_metadata(metadatas: Sequence[dict[str, Any] | None], limits: Limits) -> None:
    given = [metadata for metadata in metadatas if metadata is not None]
    if not {dict}.issuperset(map(type, given)):
        raise Invalid("metadata is no dict: give a dict or None")
    check_payloads(given, limits.depth)


def encode_records(
    columns: Columns,
    *,
    first_sequence: int,
    streams: Sequence[str] | None,
    stream: str,
    revisions: Sequence[int],
    agent: str,
    time_ns: int,
    limits: Limits,
) -> list[bytes]:
    """Encode an append's events as records, the fields of `Event` in order.

    Raises:
        Invalid: a value has no encoding (an integer beyond 64 bits, half a surrogate pair, NaN).
        TooLarge: a record, or all together, are over the limit.
    """
    count = len(columns.types)
    rows = zip(
        range(first_sequence, first_sequence + count),
        streams if streams is not None else repeat(stream),
        revisions,
        columns.types,
        repeat(agent),
        repeat(time_ns),
        columns.correlations,
        columns.causations,
        columns.metadatas,
        columns.datas,
        strict=False,
    )
    try:
        records = list(map(_encode, rows))
    except OverflowError as error:
        raise Invalid("a payload contains an integer beyond 64 bits: use a string") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(f"a payload cannot be encoded: {error}") from error
    _check_sizes(records, limits)
    return records


def _check_sizes(records: Sequence[bytes], limits: Limits) -> None:
    sizes = list(map(len, records))
    if max(sizes) > limits.event_bytes:
        raise TooLarge(
            f"event {sizes.index(max(sizes))} of the append takes {max(sizes)} bytes encoded: "
            f"{limits.event_bytes} is the most, store the bulk elsewhere and refer to it"
        )
    if sum(sizes) > limits.append_bytes:
        raise TooLarge(f"the append takes {sum(sizes)} bytes encoded: split it, {limits.append_bytes} is the most")


class Heads:
    """Where each stream and the log itself are, including what is staged and not yet settled."""

    def __init__(self) -> None:
        self.streams = Interner()
        self.types = Interner()
        self.agents = Interner()
        self.revisions: list[int] = []
        self.next_sequence = 1

    def revision(self, stream: str) -> int:
        """Return a stream's revision, 0 if it does not exist."""
        number = self.streams.known(stream)
        return 0 if number is None else self.revisions[number]

    def stream_ids(self, names: Sequence[str]) -> list[int]:
        """Return the ids of streams, giving new ones theirs.

        Raises:
            Invalid: a new one is no name.
        """
        try:
            return self.streams.ids_of(names)
        except (KeyError, TypeError):
            _intern("stream", names, self.streams)
            self.revisions.extend(repeat(0, len(self.streams) - len(self.revisions)))
            return self.streams.ids_of(names)

    def type_ids(self, names: Sequence[str]) -> list[int]:
        """Return the ids of event types, giving new ones theirs.

        Raises:
            Invalid: a new one is no name.
        """
        try:
            return self.types.ids_of(names)
        except (KeyError, TypeError):
            _intern("type", names, self.types)
            return self.types.ids_of(names)

    def advance(self, streams: Sequence[int]) -> list[int]:
        """Move each stream on by one for each time it is named, and return the revisions on the way."""
        heads, revisions = self.revisions, list[int]()
        for stream in streams:
            revision = heads[stream] + 1
            heads[stream] = revision
            revisions.append(revision)
        return revisions

    def take_back(self, streams: Sequence[int]) -> None:
        """Undo `advance`."""
        for stream in streams:
            self.revisions[stream] -= 1


def _intern(what: str, names: Sequence[str], interner: Interner) -> None:
    for name in names:
        if not isinstance(name, str):
            check_name(what, name)
    unknown = interner.unknown(names)
    for name in unknown:
        check_name(what, name)
    for name in sorted(unknown):
        interner.id_of(name)


def stage_append(
    append: Append, columns: Columns, heads: Heads, limits: Limits, time_ns: int, command: frames.Command | None
) -> StagedFrame:
    """Give a checked append its sequences and revisions and encode it; leave the heads as they were if that fails.

    Raises:
        Invalid: a name or a value is not acceptable.
        TooLarge: a record is over the limit.
        RevisionConflict: the stream is not at the expected revision.
    """
    stream = stream_of(append)
    check_name("agent", append.agent)
    check_name("stream", stream)
    check_expected(stream, append.expected_revision, heads.revision(stream))
    count = len(columns.types)
    types = heads.type_ids(columns.types)
    streams = heads.stream_ids(columns.streams) if columns.streams else heads.stream_ids([stream]) * count
    revisions = heads.advance(streams)
    try:
        records = encode_records(
            columns,
            first_sequence=heads.next_sequence,
            streams=columns.streams,
            stream=stream,
            revisions=revisions,
            agent=append.agent,
            time_ns=time_ns,
            limits=limits,
        )
        body = frames.encode_body(records, command)
        if may_hold_non_finite(body):
            check_finite([*columns.datas, *columns.metadatas])
    except StoreError:
        heads.take_back(streams)
        raise
    first = heads.next_sequence
    heads.next_sequence += count
    named = zip(columns.streams, revisions, strict=True) if columns.streams else ((stream, revisions[-1]),)
    return StagedFrame(
        first_sequence=first,
        count=count,
        body=body,
        time_ns=time_ns,
        streams=streams,
        types=types,
        correlations=list(map(correlation_id_hash, columns.correlations)),
        agent=heads.agents.id_of(append.agent),
        command=command,
        appended=Appended(
            first_sequence=first, last_sequence=first + count - 1, revisions=dict(named), time_ns=time_ns
        ),
    )
