"""The index of one segment, in memory: where each event is, and which events a filter names.

Four columns of interned ids, four bytes an event each, are all that an append pays for. From a column a hash chain is
built when a query first needs it: for every event the position of the event before it whose id falls into the same
bucket, as zlib's deflate finds matches (RFC 1951, section 4, and `deflate.c`). Newest-first, a filter walks its chain.
Oldest-first it scans the column as long as that finds enough, else it walks the chain and turns it round: a filter that
matches much is found by scanning, one that matches little has a short chain.
"""

import heapq
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

BUCKETS = 1 << 14
SCAN_WINDOW = 4096
DENSE = 32


class Column:
    """The ids of one attribute, by position in the segment, and the chains over them."""

    def __init__(self) -> None:
        self.ids = array("I")
        self._before = array("I")
        self._newest = array("I")

    def newest_first(self, wanted: int, low: int, high: int) -> Iterator[int]:
        """Yield positions p, low <= p < high, at which the id stands, from the greatest down."""
        self._build()
        ids, before = self.ids, self._before
        position = self._newest[wanted % BUCKETS] - 1 if ids else -1
        while position >= low:
            if position < high and ids[position] == wanted:
                yield position
            position = before[position] - 1

    def oldest_first(self, wanted: int, low: int, high: int) -> Iterator[int]:
        """Yield the same positions from the least up."""
        while low < high:
            end = min(low + SCAN_WINDOW, high)
            found = [position for position, value in enumerate(self.ids[low:end], low) if value == wanted]
            yield from found
            low = end
            if len(found) * DENSE < SCAN_WINDOW:
                break
        if low < high:
            yield from reversed(list(self.newest_first(wanted, low, high)))

    def walk(self, wanted: Iterable[int], low: int, high: int, *, descending: bool) -> Iterator[int]:
        """Yield the positions at which any of the ids stands, in order."""
        one_way = self.newest_first if descending else self.oldest_first
        walks = [one_way(value, low, high) for value in wanted]
        return heapq.merge(*walks, reverse=descending) if len(walks) > 1 else walks[0]

    def _build(self) -> None:
        """Chain the events that came since the last time."""
        if not self._newest and self.ids:
            self._newest = array("I", bytes(4 * BUCKETS))
        newest, chain = self._newest, self._before.append
        for position, value in enumerate(self.ids[len(self._before) :], len(self._before) + 1):
            bucket = value % BUCKETS
            chain(newest[bucket])
            newest[bucket] = position


class SegmentIndex:
    """Where the events of one segment are and what they are about."""

    def __init__(self, first_sequence: int) -> None:
        self.first_sequence = first_sequence
        self.streams = Column()
        self.types = Column()
        self.agents = Column()
        self.correlations = Column()
        self.earliest_ns = 0
        self.latest_ns = 0
        self._frame_firsts = array("I")
        self._frame_offsets = array("I")

    def __len__(self) -> int:
        return len(self.streams.ids)

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self._frame_firsts)

    def add_frame(
        self,
        *,
        offset: int,
        time_ns: int,
        streams: Sequence[int],
        types: Sequence[int],
        agents: Sequence[int],
        correlations: Sequence[int],
    ) -> None:
        """Take in a frame that begins at byte `offset`; the other arguments have an id for each of its events."""
        self.earliest_ns = min(self.earliest_ns, time_ns) if self._frame_firsts else time_ns
        self.latest_ns = max(self.latest_ns, time_ns)
        self._frame_firsts.append(len(self))
        self._frame_offsets.append(offset)
        self.streams.ids.extend(streams)
        self.types.ids.extend(types)
        self.agents.ids.extend(agents)
        self.correlations.ids.extend(correlations)

    def frame_number_of(self, position: int) -> int:
        """Return which frame holds the event at a position of the segment."""
        return bisect_right(self._frame_firsts, position) - 1

    def frame_at(self, number: int) -> tuple[int, int, int]:
        """Return a frame's byte offset, the position of its first event, and its number of events."""
        first = self._frame_firsts[number]
        after = self._frame_firsts[number + 1] if number + 1 < len(self._frame_firsts) else len(self)
        return self._frame_offsets[number], first, after - first
