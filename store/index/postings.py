"""Postings: the positions of a complete segment's events, grouped by what a query asks for, each group ascending.

    keys       the numbers that occur, ascending
    starts     where the group of each begins among the positions; one more says where the last one ends
    positions  one group after the other

So how many events a filter leaves is a subtraction, and the n-th event of a stream is found without looking at the
others. (Chains, which link each entry to the one before it, can tell neither.)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from store.index.byte_planes import Planes, merged

BUCKET_MASK = 0xFFFF
"""The bits of a hash that make its bucket: there are few of these, however many correlation ids there are."""


class Postings:
    """A column's postings, loaded.

    Args:
        keys: see above.
        starts: see above.
        positions: see above.
    """

    def __init__(self, keys: memoryview[int], starts: memoryview[int], positions: memoryview[int]) -> None:
        self.keys = keys
        self.positions = positions
        self._starts = starts

    def place_of(self, key: int) -> int | None:
        """Return which group is a key's; None if it has none."""
        place = bisect_left(self.keys, key)
        return place if place < len(self.keys) and self.keys[place] == key else None

    def group(self, place: int) -> tuple[int, int]:
        """Return where among the positions a group begins and ends."""
        return self._starts[place], self._starts[place + 1]

    def count(self, wanted: Iterable[int], low: int, high: int) -> int:
        """Return at how many positions p, low <= p < high, any of the numbers stands."""
        return sum(end - begin for begin, end in (self._within(value, low, high) for value in wanted))

    def walk(self, wanted: Iterable[int], low: int, high: int, *, descending: bool) -> Iterator[int]:
        """Yield the positions p, low <= p < high, at which any of the numbers stands, in order."""
        return merged([self._one(value, low, high, descending=descending) for value in wanted], descending=descending)

    def _one(self, value: int, low: int, high: int, *, descending: bool) -> Iterator[int]:
        begin, end = self._within(value, low, high)
        return map(self.positions.__getitem__, range(end - 1, begin - 1, -1) if descending else range(begin, end))

    def _within(self, key: int, low: int, high: int) -> tuple[int, int]:
        """Return where among the positions those of a key that lie between two bounds begin and end."""
        place = self.place_of(key)
        if place is None:
            return 0, 0
        begin, end = self.group(place)
        begin = bisect_left(self.positions, low, begin, end)
        return begin, bisect_left(self.positions, high, begin, end)


class HashPostings(Postings):
    """The postings of hashes, grouped by their buckets; 0, which means none, has no group.

    Args:
        column: the hashes themselves.
        keys: the buckets.
        starts: see above.
        positions: see above.
    """

    def __init__(
        self, column: Planes, keys: memoryview[int], starts: memoryview[int], positions: memoryview[int]
    ) -> None:
        super().__init__(keys, starts, positions)
        self._column = column

    def count(self, wanted: Iterable[int], low: int, high: int) -> int:
        """Return at how many positions p, low <= p < high, any of the numbers may stand: never less than it does."""
        return sum(
            super(HashPostings, self).count((value & BUCKET_MASK,), low, high) if value else high - low
            for value in wanted
        )

    def _one(self, value: int, low: int, high: int, *, descending: bool) -> Iterator[int]:
        if not value:
            return self._column.walk((value,), low, high, descending=descending)
        column, bucket = self._column, super()._one(value & BUCKET_MASK, low, high, descending=descending)
        return (position for position in bucket if column[position] == value)
