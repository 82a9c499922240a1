"""Answering a query from segments: the index narrows, the events themselves decide."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import TypeAlias

from store.format.frame import Sized
from store.model.event import Event
from store.model.limits import Limits
from store.model.matching import Check, residue
from store.model.query import Filling, Page, Query, onwards
from store.reading.candidates import Filter, candidates_of, filter_of, narrowed
from store.reading.events_ahead import AHEAD, EventsAhead
from store.reading.revision_bounds import revision_bounds
from store.reading.segment_reader import Segment

Batch: TypeAlias = tuple[Sequence[int], Iterable[Sized]]
"""Positions that are looked at, and the events that are there, some at a time."""


def search(
    segments: Sequence[Segment],
    query: Query,
    limits: Limits,
    max_scan: int | None = None,
    onto: Page | None = None,
    *,
    ahead: EventsAhead,
) -> Page:
    """Answer a query.

    Args:
        segments: all of the log, in order.
        query: what is asked, checked.
        limits: how many bytes of records a page may hold, and a slice look at.
        max_scan: look at so many candidates at most, and at about `look_bytes` of each; None looks at all.
        onto: the unfinished page that the same query got before.
        ahead: what was decoded too much the last time; keeps that of this time.

    Raises:
        LogDamaged: an event's bytes changed since they were written.
        IndexUnusable: a segment must be indexed again first.
    """
    query, filling = onwards(query, onto), Filling(query, limits.page_bytes, onto)
    descending = query.order == "desc"
    head = segments[-1].last_sequence if segments else 0
    low = query.after + 1
    high = min(head + 1, query.before) if query.before is not None else head + 1
    end = low if descending else max(high - 1, query.after)
    matches = residue(query)
    most = None if max_scan is None else max_scan * limits.look_bytes
    looked_bytes = 0
    left = None if max_scan is None else max(1, max_scan)
    for segment in reversed(segments) if descending else segments:
        wanted = filter_of(segment.index, query) if _overlaps(segment, query, low, high) else None
        if wanted is None:
            continue
        first, beyond = _bounds(segment, wanted, query, low, high)
        candidates = candidates_of(segment.index, wanted, first, beyond, descending=descending)
        if in_a_row := isinstance(candidates, range):
            batches = _in_a_row(segment, candidates, query.limit, left, ahead)
        else:
            batches = _scattered(segment, wanted, candidates, query.limit, left)
        for batch, found in batches:
            for sized in found:
                events, sizes = sized if most is None else _cut(sized, most - looked_bytes)
                looked = _take(filling, matches, events, sizes)
                looked_bytes += sum(sizes[:looked])
                full = looked < len(events)
                if full or (most is not None and looked_bytes >= most):
                    if in_a_row:
                        ahead.keep(segment, (sized[0][looked:], sized[1][looked:]), descending=descending)
                    return filling.full(looked_bytes) if full else filling.stopped(events[-1].sequence, looked_bytes)
            if left is not None:
                left -= len(batch)
                if left <= 0:
                    return filling.stopped(segment.first_sequence + batch[-1], looked_bytes)
    return filling.last(end, looked_bytes)


def _scattered(
    segment: Segment, wanted: Filter, candidates: Iterator[int], limit: int, left: int | None
) -> Iterator[Batch]:
    """Yield batches of candidates and their events; no more than `left`.

    A page's worth at once and one more, which says whether there is more: in batches of 128, a page of 1,000 from large
    frames took 1.5 times as long, since each batch read its frame anew.
    """
    while batch := list(islice(candidates, limit + 1 if left is None else min(limit + 1, left))):
        yield batch, segment.events_at(narrowed(segment.index, wanted, batch))
        left = None if left is None else left - len(batch)


def _in_a_row(segment: Segment, candidates: range, limit: int, left: int | None, ahead: EventsAhead) -> Iterator[Batch]:
    """Yield the same of candidates that lie side by side, and begin with what was decoded before.

    Where there is any of that, somebody asks for page after page, and more is decoded at once.
    """
    size = limit + 1
    if left is not None:
        candidates = candidates[:left]
    if candidates and (kept := ahead.take(segment, candidates)) is not None:
        count = len(kept[0])
        yield candidates[:count], (kept,)
        candidates, size = candidates[count:], max(size, min(16 * size, AHEAD))
    while candidates:
        yield candidates[:size], segment.events_at(candidates[:size])
        candidates = candidates[size:]


def _cut(sized: Sized, left: int) -> Sized:
    """Return those events with which so many bytes, or more, have been looked at; all if they do not reach that."""
    events, sizes = sized
    if sum(sizes) < left:
        return sized
    end = next(count for count, total in enumerate(accumulate(sizes), 1) if total >= left)
    return events[:end], sizes[:end]


def _take(filling: Filling, matches: Check | None, events: list[Event], sizes: Sequence[int]) -> int:
    """Fill in what matches; return how many were looked at before the first match for which there is no room."""
    if matches is None:
        return filling.take_some(events, sizes)
    for at, event in enumerate(events):
        if matches(event) and not filling.take(event, sizes[at]):
            return at
    return len(events)


def _bounds(segment: Segment, wanted: Filter, query: Query, low: int, high: int) -> tuple[int, int]:
    """Return between which positions, the second excluded, a segment may hold anything of the query."""
    first_sequence = segment.first_sequence
    first, beyond = segment.between(query.since_ns, query.until_ns)
    first, beyond = max(first, low - first_sequence), min(beyond, high - first_sequence)
    if wanted.streams is not None and (query.after_revision or query.before_revision is not None):
        above, below = revision_bounds(segment, wanted.streams, query.after_revision or 0, query.before_revision)
        return max(first, above), min(beyond, below)
    return first, beyond


def _overlaps(segment: Segment, query: Query, low: int, high: int) -> bool:
    """Say whether a segment may hold anything of the query's sequences and times."""
    index, first_sequence = segment.index, segment.first_sequence
    return (
        first_sequence < high
        and 0 < len(index) > low - first_sequence
        and (query.since_ns is None or index.latest_ns >= query.since_ns)
        and (query.until_ns is None or index.earliest_ns < query.until_ns)
    )
