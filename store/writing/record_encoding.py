"""The events of appends as bytes: one record each, shared by every store. Pure."""

from collections.abc import Iterable, Sequence
from itertools import chain, count, repeat
from typing import Any

import msgspec

from store.errors import Invalid, TooLarge
from store.model.append import Append, stream_of
from store.model.limits import Limits
from store.writing.validation import Columns

_encode = msgspec.msgpack.Encoder().encode


def encode_records(
    columns: Columns,
    appends: Sequence[Append],
    *,
    first_sequence: int,
    revisions: Sequence[int],
    time_ns: int,
    limits: Limits,
) -> tuple[list[bytes], list[int]]:
    """Encode the events of appends, given as columns too, as records: the fields of `Event` in order.

    Returns:
        The records, and the size of each in bytes.

    Raises:
        Invalid: a value has no encoding (an integer beyond 64 bits, half a surrogate pair, NaN).
        TooLarge: a record, or all together, are over the limit.
    """
    rows: Iterable[tuple[Any, ...]] = zip(
        count(first_sequence),
        columns.streams or repeat(stream_of(appends[0])),
        revisions,
        columns.types,
        _agents(appends, columns.counts),
        repeat(time_ns),
        columns.correlations or repeat(None),
        columns.causations,
        columns.metadatas,
        columns.datas,
        strict=False,
    )
    if columns.tags is not None:
        rows = ((*row, tags) if tags else row for row, tags in zip(rows, columns.tags, strict=False))
    try:
        records = list(map(_encode, rows))
    except OverflowError as error:
        raise Invalid("a payload contains an integer beyond 64 bits: use a string") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(f"a payload cannot be encoded: {error}") from error
    sizes = list(map(len, records))
    _check_sizes(sizes, limits)
    return records, sizes


def _agents(appends: Sequence[Append], counts: Sequence[int]) -> Iterable[str]:
    """Return the agent of each event."""
    if len(appends) == 1:
        return repeat(appends[0].agent)
    return chain.from_iterable(map(repeat, [append.agent for append in appends], counts))


def _check_sizes(sizes: Sequence[int], limits: Limits) -> None:
    if max(sizes) > limits.event_bytes:
        raise TooLarge(
            f"event {sizes.index(max(sizes))} of the append takes {max(sizes)} bytes encoded: "
            f"{limits.event_bytes} is the most, store the bulk elsewhere and refer to it"
        )
    if sum(sizes) > limits.append_bytes:
        raise TooLarge(f"the append takes {sum(sizes)} bytes encoded: split it, {limits.append_bytes} is the most")
