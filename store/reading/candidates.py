"""Which positions of a segment may hold what a query asks for, by the segment's index. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from store.index.interface import Index, Searched, frame_number_of
from store.model.query import Query
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


ANY: Final = Filter(None, None, None, None, None)


def filter_of(index: Index, query: Query) -> Filter | None:
    """Translate names to a segment's ids; None if a name is unknown to it, so that nothing can match."""
    streams = types = agents = correlations = None
    if not (query.stream or query.types or query.agents or query.correlation_id or query.tags):
        return ANY
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


def candidates_of(index: Index, wanted: Filter, low: int, high: int, *, descending: bool) -> range | Iterator[int]:
    """Return the positions, low <= p < high, at which that of the query's filters holds that leaves the fewest."""
    if low >= high:
        return range(0)
    given = [*_given(index, wanted)] if wanted is not ANY else ()
    if not given:
        return range(high - 1, low - 1, -1) if descending else range(low, high)
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


def narrowed(index: Index, wanted: Filter, positions: Sequence[int]) -> Sequence[int]:
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
