"""Where the events of each tag are, in memory: an event may have several, so that they make no column."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from store.index.byte_planes import merged
from store.index.postings import Postings


class TagPositions:
    """The positions of events by the hashes of their tags, each list ascending.

    Attributes:
        groups: the lists.
    """

    def __init__(self) -> None:
        self.groups: defaultdict[int, array[int]] = defaultdict(partial(array, "I"))

    def thaw(self, loaded: Postings) -> None:
        """Take over postings that were loaded."""
        for place, key in enumerate(loaded.keys):
            begin, end = loaded.group(place)
            self.groups[key].extend(loaded.positions[begin:end])

    def extend(self, tags: Sequence[Iterable[int]], at: int) -> None:
        """Add the hashes of the tags of each event from a position on."""
        for position, hashes in enumerate(tags, at):
            for each in hashes:
                self.groups[each].append(position)

    def holds(self, positions: Iterable[int]) -> bool:
        """Say whether any event at positions has a tag."""
        meant = frozenset(positions)
        return any(not meant.isdisjoint(group) for group in self.groups.values())

    def forget(self, positions: Iterable[int], hashes: Iterable[int]) -> None:
        """Take tags, by their hashes, away from the events at positions."""
        meant = frozenset(positions)
        for each in hashes:
            left = array("I", [position for position in self.groups.pop(each, ()) if position not in meant])
            if left:
                self.groups[each] = left

    def count(self, wanted: Iterable[int], low: int, high: int) -> int:
        """Return at how many positions p, low <= p < high, any of the hashes stands."""
        found = (self.groups.get(each, ()) for each in wanted)
        return sum(bisect_left(each, high) - bisect_left(each, low) for each in found)

    def walk(self, wanted: Iterable[int], low: int, high: int, *, descending: bool) -> Iterator[int]:
        """Yield the positions p, low <= p < high, at which any of the hashes stands, in order."""
        found = (self.groups.get(each, ()) for each in wanted)
        parts = [each[bisect_left(each, low) : bisect_left(each, high)] for each in found]
        return merged([iter(part[::-1] if descending else part) for part in parts], descending=descending)
