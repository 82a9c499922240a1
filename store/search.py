"""Answering a query from segments: the index narrows, the events themselves decide."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from store.heads import Heads
from store.names import correlation_id_hash
from store.query import Page, Query, matches
from store.reader import Segment

_BATCH = 128


class Filter(NamedTuple):
    """A query's indexed part: the ids that an event's columns must be among; None asks for nothing."""

    streams: frozenset[int] | None
    correlations: frozenset[int] | None
    types: frozenset[int] | None
    agents: frozenset[int] | None


def search(segments: Sequence[Segment], heads: Heads, query: Query, max_scan: int | None = None) -> Page:
    """Answer a query, looking at `max_scan` candidates at most; then the page may be short and still `has_more`.

    Raises:
        LogDamaged: an event's bytes changed since the log was opened.
    """
    descending = query.order == "desc"
    head = segments[-1].last_sequence if segments else 0
    low = query.after + 1
    high = min(head + 1, query.before) if query.before is not None else head + 1
    end = low if descending else max(high - 1, query.after)
    answer = Page(events=[], next=end, has_more=False)
    wanted = _filter(heads, query)
    if low >= high or wanted is None:
        return answer
    scanned = 0
    reach = iter(reversed(segments) if descending else segments)
    for segment in reach:
        candidates = _candidates(segment, wanted, query, low, high)
        while batch := list(islice(candidates, _batch_size(query.limit, max_scan, scanned))):
            scanned += len(batch)
            for event in segment.events_at(_narrow(segment, wanted, batch)):
                if matches(query, event):
                    if len(answer.events) == query.limit:
                        return Page(events=answer.events, next=answer.events[-1].sequence, has_more=True)
                    answer.events.append(event)
            if max_scan is not None and scanned >= max_scan:
                return Page(events=answer.events, next=segment.first_sequence + batch[-1], has_more=True)
    return answer


def _batch_size(limit: int, max_scan: int | None, scanned: int) -> int:
    size = min(_BATCH, limit + 1)
    return size if max_scan is None else max(1, min(size, max_scan - scanned))


def _filter(heads: Heads, query: Query) -> Filter | None:
    """Translate names to ids; None if a name is unknown, so that nothing can match."""
    streams = types = agents = correlations = None
    if query.stream is not None:
        streams = frozenset(_known(heads.streams.known(query.stream)))
    if query.types:
        types = frozenset(number for name in query.types for number in _known(heads.types.known(name)))
    if query.agents:
        agents = frozenset(number for name in query.agents for number in _known(heads.agents.known(name)))
    if query.correlation_id is not None:
        correlations = frozenset((correlation_id_hash(query.correlation_id),))
    wanted = Filter(streams, correlations, types, agents)
    return None if frozenset() in wanted else wanted


def _known(number: int | None) -> tuple[int, ...]:
    return () if number is None else (number,)


def _candidates(segment: Segment, wanted: Filter, query: Query, low: int, high: int) -> Iterator[int]:
    """Yield the positions in a segment at which the most telling of the query's filters holds, in the query's order."""
    index, descending = segment.index, query.order == "desc"
    first = max(0, low - segment.first_sequence)
    end = min(len(index), high - segment.first_sequence)
    too_old = query.since_ns is not None and index.latest_ns < query.since_ns
    too_new = query.until_ns is not None and index.earliest_ns >= query.until_ns
    if first >= end or too_old or too_new:
        return iter(())
    columns = (index.streams, index.correlations, index.types, index.agents)
    for column, ids in zip(columns, wanted, strict=True):
        if ids is not None:
            return column.walk(ids, first, end, descending=descending)
    return iter(range(end - 1, first - 1, -1) if descending else range(first, end))


def _narrow(segment: Segment, wanted: Filter, positions: Sequence[int]) -> Sequence[int]:
    """Leave out the positions at which another indexed filter does not hold."""
    index = segment.index
    for column, ids in zip((index.correlations, index.types, index.agents), wanted[1:], strict=True):
        if ids is not None:
            positions = [position for position in positions if column.ids[position] in ids]
    return positions
