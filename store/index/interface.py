"""What searching and reading need to know of a segment's index, wherever it is kept.

A segment that is being written has a `SegmentIndex` in memory (`active_index`); one that is complete has a file, of
which `StoredIndex` loads what a query needs (`stored_index`). Both are an `Index`.

Per event: the stream, the hash of the correlation id, and the type, as planes of bytes (`byte_planes`). Per frame:
where it begins, and the agent. Once the segment is complete, each of the four has postings too (`postings`). Ids are
those of the process that wrote them, so an index translates names itself.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeAlias

from store.format.segment import SegmentHeader
from store.index.byte_planes import Planes

Numbers: TypeAlias = "array[int] | memoryview[int]"
"""A column of unsigned numbers, growing or loaded."""


class Searched(Protocol):
    """A column that can be searched."""

    def count(self, wanted: Iterable[int], low: int, high: int) -> int:
        """Return about how many positions `walk` yields, in a time that does not depend on how many these are."""
        ...

    def walk(self, wanted: Iterable[int], low: int, high: int, *, descending: bool) -> Iterator[int]:
        """Yield the positions p, low <= p < high, at which any of the numbers stands, in order."""
        ...


class Index(Protocol):
    """What searching and reading need to know of a segment. Positions count its events from 0.

    Attributes:
        by_stream: searches the ids of streams, by position.
        by_correlation: searches the hashes of correlation ids, by position.
        by_type: searches the ids of types, by position.
        by_agent: searches the ids of agents, by position.
        by_tag: searches the hashes of tags, by position.
        streams: the ids of streams, by position.
        correlations: the hashes of correlation ids, by position.
        types: the ids of types, by position.
        agents: the ids of agents, by number of frame.
        frame_firsts: the position of each frame's first event.
        frame_offsets: the byte at which each frame begins.
        earliest_ns: the lowest time of an event.
        latest_ns: the highest.
        ordered: whether no event is earlier than one before it: the wall clock may have stepped back.
        end: the byte at which the last frame ends.
    """

    @property
    def by_stream(self) -> Searched: ...  # noqa: D102 - see above

    @property
    def by_correlation(self) -> Searched: ...  # noqa: D102 - see above

    @property
    def by_type(self) -> Searched: ...  # noqa: D102 - see above

    @property
    def by_agent(self) -> Searched: ...  # noqa: D102 - see above

    @property
    def by_tag(self) -> Searched: ...  # noqa: D102 - see above

    @property
    def streams(self) -> Planes: ...  # noqa: D102 - see above

    @property
    def correlations(self) -> Planes: ...  # noqa: D102 - see above

    @property
    def types(self) -> Planes: ...  # noqa: D102 - see above

    @property
    def agents(self) -> Planes: ...  # noqa: D102 - see above

    @property
    def frame_firsts(self) -> Numbers: ...  # noqa: D102 - see above

    @property
    def frame_offsets(self) -> Numbers: ...  # noqa: D102 - see above

    @property
    def earliest_ns(self) -> int: ...  # noqa: D102 - see above

    @property
    def latest_ns(self) -> int: ...  # noqa: D102 - see above

    @property
    def ordered(self) -> bool: ...  # noqa: D102 - see above

    @property
    def end(self) -> int: ...  # noqa: D102 - see above

    def __len__(self) -> int:
        """Return how many events there are."""
        ...

    def stream_ids(self, name: str) -> tuple[int, ...]:
        """Return the ids that a stream may have here, none if none of its events is here."""
        ...

    def type_ids(self, name: str) -> tuple[int, ...]:
        """Return the ids that a type may have here, none if none of its events is here."""
        ...

    def agent_ids(self, name: str) -> tuple[int, ...]:
        """Return the ids that an agent may have here, none if none of its events is here."""
        ...


class IndexedSegment(Protocol):
    """A segment as far as its index is concerned.

    Attributes:
        path: its file.
        header: its header.
        index: its index; may be replaced by an equal one at any time.
        first_sequence: the sequence of its first event.
    """

    path: Path
    header: SegmentHeader

    @property
    def index(self) -> Index: ...  # noqa: D102 - see above

    @index.setter
    def index(self, index: Index, /) -> None: ...

    @property
    def first_sequence(self) -> int: ...  # noqa: D102 - see above


def frame_number_of(index: Index, position: int) -> int:
    """Return which frame of a segment holds the event at a position."""
    return bisect_right(index.frame_firsts, position) - 1


def frame_at(index: Index, number: int) -> tuple[int, int, int]:
    """Return a frame's byte offset, the position of its first event, and its number of events."""
    firsts = index.frame_firsts
    first = firsts[number]
    after = firsts[number + 1] if number + 1 < len(firsts) else len(index)
    return index.frame_offsets[number], first, after - first


class FrameAgents:
    """Searches the ids of agents, which an index keeps for each frame, by position.

    Args:
        index: the index.
    """

    def __init__(self, index: Index) -> None:
        self._index = index

    def count(self, wanted: Iterable[int], low: int, high: int) -> int:
        """Return about how many positions `walk` yields, as if all frames were as large as on the average."""
        first, last = frame_number_of(self._index, low), frame_number_of(self._index, high - 1)
        return self._index.agents.count(wanted, first, last + 1) * (high - low) // (last + 1 - first)

    def walk(self, wanted: Iterable[int], low: int, high: int, *, descending: bool) -> Iterator[int]:
        """Yield the positions p, low <= p < high, of events that any of the agents appended, in order."""
        index = self._index
        first, last = frame_number_of(index, low), frame_number_of(index, high - 1)
        for number in index.agents.walk(wanted, first, last + 1, descending=descending):
            _, begin, count = frame_at(index, number)
            positions = range(max(begin, low), min(begin + count, high))
            yield from reversed(positions) if descending else positions
