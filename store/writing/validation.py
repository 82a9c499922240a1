"""What an append may hold: shared by every store. Pure."""

from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any, cast

import msgspec

from store.disk.digest import blake2b
from store.errors import Invalid, TooLarge
from store.model.append import Append, FailIf, stream_of
from store.model.event import ERASED_PAYLOAD, NewEvent
from store.model.limits import Limits, check_names, check_payloads, check_tags
from store.model.query import Query

HASH_BYTES = 16

_NONE = {type(None)}
_BATCHES: frozenset[type[Any]] = frozenset((list, tuple))
_FIELDS = len(NewEvent.__struct_fields__)
_EVENT_FIELDS = 6
_QUERY_FIELDS = 12
"""How many fields they had when the first hashes of commands were stored."""
_fields_of = msgspec.structs.astuple
_encode_sorted = msgspec.msgpack.Encoder(order="deterministic").encode


class Columns(msgspec.Struct):
    """The events of one or more appends, by attribute.

    Attributes:
        counts: how many events each append has.
        types: one for each event, like all that follow.
        datas: the payloads, None replaced.
        streams: None if there is one append only and all of its events go to its own stream.
        correlations: None if there are none.
        causations: as given.
        metadatas: as given.
        tags: as given; None if there are none.
        floats: whether a payload or metadata hold any.
        erased: whether any event is stored as one that was erased.
    """

    counts: Sequence[int]
    types: Sequence[str]
    datas: Sequence[Any]
    streams: Sequence[str] | None
    correlations: Sequence[str | None] | None
    causations: Sequence[str | None]
    metadatas: Sequence[dict[str, Any] | None]
    tags: Sequence[Sequence[str]] | None
    floats: bool
    erased: bool


def payload_hash(append: Append) -> bytes:
    """Return 16 bytes that two appends share only if they ask for the same, whatever the order of keys.

    Raises:
        Invalid: the append cannot be encoded.
    """
    try:
        events = [_as_before(event, _EVENT_FIELDS) for event in append.events]
    except TypeError as error:
        raise Invalid(f"an append holds something that is no NewEvent: {error}") from error
    asked: tuple[Any, ...] = (events, append.stream, append.expected_revision, _condition_as_before(append.fail_if))
    if append.expected is not None:
        asked += (append.expected,)
    try:
        return blake2b(_encode_sorted(asked), digest_size=HASH_BYTES).digest()
    except (OverflowError, TypeError, ValueError, RecursionError) as error:
        raise Invalid(f"the append cannot be encoded: {error}") from error


def _as_before(struct: NewEvent | Query, fields: int) -> tuple[Any, ...]:
    """Return a struct's fields without those that it has got since the first hashes were stored, unless they are given.

    So a command that is repeated after an update has the hash that it had before.
    """
    given = _fields_of(struct)
    return given if any(given[fields:]) else given[:fields]


def _condition_as_before(fail_if: FailIf | None) -> object:
    if fail_if is None or fail_if.query is None or fail_if.queries:
        return fail_if
    return _as_before(fail_if.query, _QUERY_FIELDS), fail_if.after


def checked_columns(appends: Sequence[Append], limits: Limits) -> Columns:
    """Check everything about appends that does not depend on the log, but for names that the log may know already.

    Raises:
        Invalid: something is not acceptable; which append it is about is not said.
        TooLarge: there are too many events in one.
    """
    batches = [append.events for append in appends]
    if not _BATCHES.issuperset(map(type, batches)):
        raise Invalid("events is no list: give a list of NewEvent, also for a single one")
    counts = list(map(len, batches))
    if max(counts) > limits.batch_events:
        raise TooLarge(f"{max(counts)} events in one append: split it, {limits.batch_events} is the most")
    if not min(counts):
        raise Invalid("an append without events: give at least one")
    events = list(chain.from_iterable(batches))
    if not {NewEvent}.issuperset(map(type, events)):
        raise Invalid("an append holds something that is no NewEvent: give a list of NewEvent")
    # Not `zip(*map(...))`: a thousand iterators at once set the garbage collector off.
    fields = list(chain.from_iterable(map(_fields_of, events)))
    types, datas, streams, correlations = fields[::_FIELDS], fields[1::_FIELDS], fields[2::_FIELDS], fields[3::_FIELDS]
    causations, metadatas, tags = fields[4::_FIELDS], fields[5::_FIELDS], fields[6::_FIELDS]
    erased = False
    if not all(datas):
        empty: dict[str, Any] = {}
        erased = any(data is ERASED_PAYLOAD for data in datas)
        datas = [empty if data is None else None if data is ERASED_PAYLOAD else data for data in datas]
    floats = check_payloads(datas, limits.depth)
    if set(map(type, metadatas)) != _NONE:
        floats = _check_metadata(metadatas, limits) or floats
    if set(map(type, causations)) != _NONE:
        check_names("causation_id", [name for name in causations if name is not None])
    if tagged := any(tags):
        for each in filter(None, tags):
            check_tags(each)
    correlated = correlations[0] is not None or set(map(type, correlations)) != _NONE
    return Columns(
        counts=counts,
        types=types,
        datas=datas,
        streams=_own(streams, appends),
        correlations=correlations if correlated else None,
        causations=causations,
        metadatas=metadatas,
        tags=tags if tagged else None,
        floats=floats,
        erased=erased,
    )


def _own(streams: Sequence[str | None], appends: Sequence[Append]) -> Sequence[str] | None:
    """Return each event's stream, None if there is one append only and no event names its own."""
    kinds = set(map(type, streams))
    if type(None) not in kinds:
        return cast("Sequence[str]", streams)
    if kinds == _NONE and len(appends) == 1:
        return None
    defaults = chain.from_iterable(repeat(stream_of(append), len(append.events)) for append in appends)
    return [default if stream is None else stream for stream, default in zip(streams, defaults, strict=True)]


def _check_metadata(metadatas: Sequence[dict[str, Any] | None], limits: Limits) -> bool:
    given = [metadata for metadata in metadatas if metadata is not None]
    if not {dict}.issuperset(map(type, given)):
        raise Invalid("metadata is no dict: give a dict or None")
    return check_payloads(given, limits.depth)
