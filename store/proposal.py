"""What an append may hold, and its events as bytes: shared by every store. Pure."""

from collections.abc import Sequence
from itertools import repeat
from typing import Any, cast

import msgspec

from store.append import Append, stream_of
from store.digest import blake2b
from store.errors import Invalid, TooLarge
from store.event import NewEvent
from store.limits import Limits, check_names, check_payloads

HASH_BYTES = 16

_NONE = {type(None)}
_columns_of = msgspec.structs.astuple
_encode = msgspec.msgpack.Encoder().encode
_encode_sorted = msgspec.msgpack.Encoder(order="deterministic").encode


class Columns(msgspec.Struct):
    """The events of an append, by attribute.

    `streams` is None if all go to the append's stream, `correlations` if there are none; `floats` says whether a
    payload or metadata hold any.
    """

    types: Sequence[str]
    datas: Sequence[Any]
    streams: Sequence[str] | None
    correlations: Sequence[str | None] | None
    causations: Sequence[str | None]
    metadatas: Sequence[dict[str, Any] | None]
    floats: bool


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
    """Check everything about an append that does not depend on the log, but for names that the log may know already.

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
    if type(None) in set(map(type, datas)):
        empty: dict[str, Any] = {}
        datas = tuple(empty if data is None else data for data in datas)
    floats = check_payloads(datas, limits.depth)
    if set(map(type, metadatas)) != _NONE:
        floats = _check_metadata(metadatas, limits) or floats
    if set(map(type, causations)) != _NONE:
        check_names("causation_id", [name for name in causations if name is not None])
    correlated = set(map(type, correlations)) != _NONE
    return Columns(
        types, datas, _own(streams, append), correlations if correlated else None, causations, metadatas, floats
    )


def _own(streams: Sequence[str | None], append: Append) -> Sequence[str] | None:
    """Return each event's stream, None if no event names its own."""
    kinds = set(map(type, streams))
    if kinds == _NONE:
        return None
    if type(None) not in kinds:
        return cast("Sequence[str]", streams)
    default = stream_of(append)
    return [default if stream is None else stream for stream in streams]


def _check_metadata(metadatas: Sequence[dict[str, Any] | None], limits: Limits) -> bool:
    given = [metadata for metadata in metadatas if metadata is not None]
    if not {dict}.issuperset(map(type, given)):
        raise Invalid("metadata is no dict: give a dict or None")
    return check_payloads(given, limits.depth)


def encode_records(
    columns: Columns,
    *,
    first_sequence: int,
    stream: str,
    revisions: Sequence[int],
    agent: str,
    time_ns: int,
    limits: Limits,
) -> tuple[list[bytes], list[int]]:
    """Encode an append's events as records, the fields of `Event` in order; return these and their sizes.

    Raises:
        Invalid: a value has no encoding (an integer beyond 64 bits, half a surrogate pair, NaN).
        TooLarge: a record, or all together, are over the limit.
    """
    count = len(columns.types)
    rows = zip(
        range(first_sequence, first_sequence + count),
        columns.streams or repeat(stream),
        revisions,
        columns.types,
        repeat(agent),
        repeat(time_ns),
        columns.correlations or repeat(None),
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
    sizes = list(map(len, records))
    _check_sizes(sizes, limits)
    return records, sizes


def _check_sizes(sizes: Sequence[int], limits: Limits) -> None:
    if max(sizes) > limits.event_bytes:
        raise TooLarge(
            f"event {sizes.index(max(sizes))} of the append takes {max(sizes)} bytes encoded: "
            f"{limits.event_bytes} is the most, store the bulk elsewhere and refer to it"
        )
    if sum(sizes) > limits.append_bytes:
        raise TooLarge(f"the append takes {sum(sizes)} bytes encoded: split it, {limits.append_bytes} is the most")
