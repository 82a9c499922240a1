"""Answering a query from segments: the index narrows, the events themselves decide."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from store.index.interface import Index, Searched, frame_number_of
from store.model.limits import Limits
from store.model.matching import residue
from store.model.query import Filling, Page, Query, onwards
from store.reading.revision_bounds import revision_bounds
from store.reading.segment_reader import Segment
from store.streams.name_numbers import name_hash


class Filter(NamedTuple):
    """A query's indexed part in one segment: the ids that an event's columns must be among, and have all of for tags.

    None asks for nothing.
    """

    streams: frozenset[int] | None
    correlations: frozenset[int] | None
    types: frozenset[int] | None
    agents: frozenset[int] | None
    tags: tuple[frozenset[int], ...] | None


def search(
    segments: Sequence[Segment],
    query: Query,
    limits: Limits,
    max_scan: int | None = None,
    onto: Page | None = None,
) -> Page:
    """Answer a query.

    Args:
        segments: all of the log, in order.
        query: what is asked, checked.
        limits: how many bytes of records a page may hold, and a slice look at.
        max_scan: look at so many candidates at most, and at about `look_bytes` of each; None looks at all.
        onto: the unfinished page that the same query got before.

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
    scanned = scanned_bytes = 0
    for segment in reversed(segments) if descending else segments:
        index = segment.index
        wanted = _filter(index, query) if _overlaps(segment, query, low, high) else None
        if wanted is None:
            continue
        first, beyond = segment.between(query.since_ns, query.until_ns)
        first, beyond = max(first, low - segment.first_sequence), min(beyond, high - segment.first_sequence)
        if wanted.streams is not None and (query.after_revision or query.before_revision is not None):
            above, below = revision_bounds(segment, wanted.streams, query.after_revision or 0, query.before_revision)
            first, beyond = max(first, above), min(beyond, below)
        candidates = _candidates(index, wanted, first, beyond, descending=descending)
        # A page's worth at once and one more, which says whether there is more: in batches of 128, a page of 1,000 from
        # large frames took 1.5 times as long, since each batch read its frame anew.
        while batch := list(islice(candidates, _batch_size(query.limit, max_scan, scanned))):
            scanned += len(batch)
            for event, size in segment.events_at(_narrow(index, wanted, batch)):
                if matches(event) and not filling.take(event, size):
                    return filling.full(scanned_bytes)
                scanned_bytes += size
                if max_scan is not None and scanned_bytes >= max_scan * limits.look_bytes:
                    return filling.stopped(event.sequence, scanned_bytes)
            if max_scan is not None and scanned >= max_scan:
                return filling.stopped(segment.first_sequence + batch[-1], scanned_bytes)
    return filling.last(end, scanned_bytes)


def _batch_size(limit: int, max_scan: int | None, scanned: int) -> int:
    return limit + 1 if max_scan is None else max(1, min(limit + 1, max_scan - scanned))


def _overlaps(segment: Segment, query: Query, low: int, high: int) -> bool:
    """Say whether a segment may hold anything of the query's sequences and times."""
    index = segment.index
    return (
        len(index) > 0
        and segment.first_sequence < high
        and segment.last_sequence >= low
        and (query.since_ns is None or index.latest_ns >= query.since_ns)
        and (query.until_ns is None or index.earliest_ns < query.until_ns)
    )


def _filter(index: Index, query: Query) -> Filter | None:
    """Translate names to a segment's ids; None if a name is unknown to it, so that nothing can match."""
    streams = types = agents = correlations = None
    if query.types:
        types = frozenset(number for name in query.types for number in index.type_ids(name))
    if query.agents:
        agents = frozenset(number for name in query.agents for number in index.agent_ids(name))
    if frozenset() in (types, agents):
        return None
    if query.stream is not None:
        streams = frozenset(index.stream_ids(query.stream))
    if query.correlation_id is not None:
        correlations = frozenset((name_hash(query.correlation_id),))
    tags = tuple(frozenset((name_hash(tag),)) for tag in query.tags) or None
    return None if streams == frozenset() else Filter(streams, correlations, types, agents, tags)


def _candidates(index: Index, wanted: Filter, low: int, high: int, *, descending: bool) -> Iterator[int]:
    """Yield the positions, low <= p < high, at which that of the query's filters holds that leaves the fewest."""
    if low >= high:
        return iter(())
    given = [*_given(index, wanted)]
    if not given:
        return iter(range(high - 1, low - 1, -1) if descending else range(low, high))
    searched, numbers = given[0] if len(given) == 1 else min(given, key=lambda each: each[0].count(each[1], low, high))
    return searched.walk(numbers, low, high, descending=descending)


def _given(index: Index, wanted: Filter) -> Iterator[tuple[Searched, frozenset[int]]]:
    if wanted.streams is not None:
        yield index.by_stream, wanted.streams
    if wanted.correlations is not None:
        yield index.by_correlation, wanted.correlations
    if wanted.types is not None:
        yield index.by_type, wanted.types
    if wanted.agents is not None:
        yield index.by_agent, wanted.agents
    for tag in wanted.tags or ():
        yield index.by_tag, tag


def _narrow(index: Index, wanted: Filter, positions: Sequence[int]) -> Sequence[int]:
    """Leave out the positions at which another indexed filter does not hold."""
    if wanted.count(None) >= len(wanted) - 1:  # the only one is what they were found by
        return positions
    if (numbers := wanted.streams) is not None:
        column = index.streams
        positions = [position for position in positions if column[position] in numbers]
    if (numbers := wanted.correlations) is not None:
        column = index.correlations
        positions = [position for position in positions if column[position] in numbers]
    if (numbers := wanted.types) is not None:
        column = index.types
        positions = [position for position in positions if column[position] in numbers]
    if (agents := wanted.agents) is not None:
        column = index.agents
        positions = [position for position in positions if column[frame_number_of(index, position)] in agents]
    return positions
