"""Where in a segment the events of a stream with certain revisions lie."""

from collections.abc import Iterable
from itertools import islice

from store.index.interface import Index
from store.index.stored_index import StoredIndex
from store.reading.segment_reader import Segment

_NEAR = 64
"""So many events of a stream are counted rather than searched in halves: that takes as long as reading two of them."""


def revision_bounds(segment: Segment, streams: Iterable[int], after: int, before: int | None) -> tuple[int, int]:
    """Return between which positions, the second excluded, all events with such revisions of a stream lie.

    Args:
        segment: the segment.
        streams: the ids that the stream may have there.
        after: with a greater revision.
        before: with a smaller one; None means any.

    Raises:
        LogDamaged: an event's bytes changed since they were written.
        IndexUnusable: the segment must be indexed again first.
    """
    index = segment.index
    if isinstance(index, StoredIndex):
        return index.revision_bounds(streams, after, before)
    (stream,) = streams  # in memory, ids are exact
    low = _first_from(segment, index, stream, after + 1) if after else 0
    return low, len(index) if before is None else _first_from(segment, index, stream, before)


def _first_from(segment: Segment, index: Index, stream: int, revision: int) -> int:
    """Return the first position at which a stream has a revision or a greater one; the end if there is none.

    While a segment is written, its index does not know revisions: a few events are read to learn theirs, each in the
    middle of where the one that is looked for may be. The first look is at the first event, which mostly settles it.
    """
    low, high, middle = 0, len(index), 0
    found = high
    while low < high:
        here = index.by_stream.walk((stream,), middle, high, descending=False)
        position = next(here, None)
        if position is None:
            high = middle
        elif (missing := revision - _revision_at(segment, position)) <= 0:
            found, high = position, middle
        elif missing <= _NEAR:
            return next(islice(here, missing - 1, None), found)
        else:
            low = position + 1
        middle = (low + high) // 2
    return found


def _revision_at(segment: Segment, position: int) -> int:
    (((event,), _),) = segment.events_at((position,))
    return event.revision
