"""Chains: for every entry of a column, where the entry before it with the same bucket is.

As zlib's deflate finds matches (RFC 1951, section 4, and `deflate.c`). They are made when a segment is complete, in
bounded steps: one turn of a loop per entry, and nothing to sort. A complete segment that holds three events of a stream
then gives them after three links, however long it is.

Positions count from 0; links count from 1, so that 0 means none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from store.index.byte_planes import Planes, merged

WINDOW = 4096
"""How far a search forward goes before it looks at what it found."""

DENSE = 256
"""One in so many must be found for a search forward to go on: for one in 1,000 the chain takes a tenth of the time."""

ALL_BITS = 0xFFFF_FFFF


class Chain:
    """A column's chains, loaded.

    Args:
        column: the numbers themselves.
        before: a link for each entry. It may end early, as the column may.
        buckets: every bucket, ascending.
        links: for each bucket the link to its newest entry.
        mask: the bits of a number that make its bucket.
    """

    def __init__(
        self, column: Planes, before: memoryview[int], buckets: memoryview[int], links: memoryview[int], mask: int
    ) -> None:
        self._column = column
        self._before = before
        self._buckets = buckets
        self._links = links
        self._mask = mask

    def walk(self, wanted: Iterable[int], low: int, high: int, *, descending: bool) -> Iterator[int]:
        """Yield the positions p, low <= p < high, at which any of the numbers stands, in order."""
        one_way = self._newest_first if descending else self._oldest_first
        return merged([one_way(value, low, high) for value in wanted], descending=descending)

    def _newest_first(self, value: int, low: int, high: int) -> Iterator[int]:
        before, column, shared = self._before, self._column, self._mask != ALL_BITS
        bucket = value & self._mask
        place = bisect_left(self._buckets, bucket)
        found = place < len(self._buckets) and self._buckets[place] == bucket
        position = self._links[place] - 1 if found else -1
        while position >= low:
            if position < high and not (shared and column[position] != value):
                yield position
            position = before[position] - 1

    def _oldest_first(self, value: int, low: int, high: int) -> Iterator[int]:
        """Search forward as long as that finds much, else walk the chain, which is short then, and turn it round."""
        while low < high:
            end = min(low + WINDOW, high)
            found = list(self._column.walk((value,), low, end, descending=False))
            yield from found
            low = end
            if len(found) * DENSE < WINDOW:
                break
        if low < high:
            yield from reversed(list(self._newest_first(value, low, high)))
