"""Which positions each id or hash stands at: a column's postings, in bounded steps.

What there may be very many of is kept in arrays and plain dicts, which Python's garbage collector does not look
through: a list of 250,000 names takes it 20 ms.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Generator, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from typing import Any, TypeAlias

from store.index.active_index import SegmentIndex
from store.index.byte_planes import GrowingPlanes
from store.index.postings import BUCKET_MASK

BATCH = 4096
"""After how many entries a step ends: 0.4 ms, 0.8 at the most; four times as many take 1.6 and save nothing in all."""

A_KEY = 4
"""To put a group in its place takes as long as looking at so many entries."""

_MOST_KEYS = 1 << 15
"""So many groups are in one dict, about: to make room in one of 250,000 takes 40 ms."""

_PART_BITS = 20
_PART_MASK = (1 << _PART_BITS) - 1

_IN_A_ROW = 4
"""So many positions in a row are added in the time of one that stands alone."""

_NO_BUCKET = BUCKET_MASK + 1
"""Stands for the bucket of events without a correlation id, which is left out."""

Grouped: TypeAlias = "tuple[array[int], array[int], array[int]]"
"""A column's postings: the keys, the start of each one's group, the positions."""


class Pace:
    """Says when a step was long enough: what is small is done in one step together with what comes next."""

    def __init__(self) -> None:
        self._done = 0

    def due(self, entries: int) -> bool:
        """Count so many entries as looked at; say whether that is enough for a step."""
        self._done += entries
        if self._done < BATCH:
            return False
        self._done = 0
        return True


def grouped(column: GrowingPlanes, pace: Pace) -> Generator[None, None, Grouped]:
    """Return a column's postings."""
    groups: dict[int, int | array[int]] = {}  # one alone without an array, which the garbage collector would look at
    parts = [groups]
    for start in range(0, len(column), BATCH):
        if len(groups) >= _MOST_KEYS:
            groups = {}
            parts.append(groups)
        numbers = column.numbers(start, start + BATCH)
        for position, value in enumerate(numbers, start):
            if (group := groups.get(value)) is None:
                groups[value] = position
            elif isinstance(group, int):
                groups[value] = array("I", (group, position))
            else:
                group.append(position)
        if pace.due(len(numbers)):
            yield
    return (yield from one_after_the_other(parts, pace))


def grouped_hashes(column: GrowingPlanes, pace: Pace) -> Generator[None, None, Grouped]:
    """Return the postings of a column of hashes, by their buckets; 0 has none."""
    groups = _groups()
    for start in range(0, len(column), BATCH):
        numbers = column.numbers(start, start + BATCH)
        buckets = [value & BUCKET_MASK if value else _NO_BUCKET for value in numbers]
        for position, bucket in enumerate(buckets, start):
            groups[bucket].append(position)
        if pace.due(len(numbers)):
            yield
    groups.pop(_NO_BUCKET, None)
    return (yield from one_after_the_other([groups], pace))


def grouped_agents(index: SegmentIndex, pace: Pace) -> Generator[None, None, Grouped]:
    """Return the agents' postings: of the events, though the column has an entry for each frame."""
    groups, firsts = _groups(), index.frame_firsts
    for start in range(0, len(firsts), BATCH):
        begins = firsts[start : start + BATCH + 1]
        begins.extend((len(index),))  # behind the last frame; one too many before it
        for number, begin, end in zip(index.agents.numbers(start, start + BATCH), begins, begins[1:], strict=False):
            groups[number].extend(range(begin, end))
            if pace.due(1 + (end - begin) // _IN_A_ROW):  # its events, too, may be many
                yield
    return (yield from one_after_the_other([groups], pace))


def _groups() -> defaultdict[int, array[int]]:
    return defaultdict(partial(array, "I"))


def one_after_the_other(parts: Sequence[dict[int, Any]], pace: Pace) -> Generator[None, None, Grouped]:
    """Return groups as postings; they are emptied on the way. A key may be in several parts, whose positions ascend."""
    keys, starts, positions = array("I"), array("I"), array("I")
    runs: list[array[int]] = []
    for number, groups in enumerate(parts):
        remaining = iter(groups)
        while run := sorted(islice(remaining, BATCH)):
            runs.append(array("Q", [key << _PART_BITS | number for key in run]))
            if pace.due(len(run)):
                yield
    in_order, last = merge(*runs), -1
    while some := list(islice(in_order, BATCH // A_KEY)):
        for each in some:
            key = each >> _PART_BITS
            if key != last:
                starts.append(len(positions))
                keys.append(key)
                last = key
            group = parts[each & _PART_MASK].pop(key)
            if isinstance(group, int):
                positions.append(group)
            else:
                positions.extend(group)
        if pace.due(A_KEY * len(some)):
            yield
    starts.append(len(positions))
    return keys, starts, positions
