"""A column of numbers of 32 bits as planes of bytes: the low byte of each, the next byte, and so on.

A byte is found by `memchr` at gigabytes a second, and a column costs an append three slices, whatever its length. So
planes are all the index that a segment needs while it is written to: the only event of its type among 300,000 is found
in some ten microseconds, a stream among ten thousand in some hundred.

The higher planes may end early: what is missing is 0.
"""

from __future__ import annotations

import heapq
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence

PLANES = 4

SAMPLES = 16
SAMPLE = 1024
"""`count` looks at so many parts of so many numbers: 15 us, where all of a segment may take 300."""

_LOW = 0xFF
_BYTE = 8
_WIDTH = 4


class Planes:
    """A column of numbers of 32 bits.

    Args:
        planes: the lowest byte of each number first.
    """

    def __init__(self, planes: Sequence[bytes | bytearray]) -> None:
        self.planes = planes

    def __len__(self) -> int:
        """Return how many numbers there are; those at the end may be missing if they are 0."""
        return len(self.planes[0])

    def __getitem__(self, position: int) -> int:
        """Return a number."""
        value = 0
        for plane in reversed(self.planes):
            value = value << _BYTE | (plane[position] if position < len(plane) else 0)
        return value

    def walk(self, wanted: Iterable[int], low: int, high: int, *, descending: bool) -> Iterator[int]:
        """Yield the positions p, low <= p < high, at which any of the numbers stands, in order."""
        one_way = self._newest_first if descending else self._oldest_first
        return merged([one_way(value, low, high) for value in wanted], descending=descending)

    def count(self, wanted: Iterable[int], low: int, high: int) -> int:
        """Return about at how many positions p, low <= p < high, any of the numbers stands, by a look at some of them.

        As if the bytes of a number had nothing to do with each other, which tells half of all as an eighth at the
        worst: good enough to tell rare from frequent.
        """
        stride = max(SAMPLE, -(-(high - low) // SAMPLES))
        parts = [(at, min(at + SAMPLE, high)) for at in range(low, high, stride)]
        seen = sum(end - begin for begin, end in parts)
        return round(sum(self._share(value, parts, seen) for value in wanted) * (high - low)) if seen else 0

    def _share(self, value: int, parts: Sequence[tuple[int, int]], seen: int) -> float:
        share = 1.0
        for plane, byte in [(self.planes[0], value & _LOW), *self._rest(value)]:
            found = sum(plane.count(byte, begin, end) for begin, end in parts)
            if not byte:
                found += sum(end - max(begin, min(end, len(plane))) for begin, end in parts)
            share *= found / seen
        return share

    def _oldest_first(self, value: int, low: int, high: int) -> Iterator[int]:
        find, needle, rest = self.planes[0].find, value & _LOW, self._rest(value)
        position = find(needle, low, high)
        while position >= 0:
            if not rest or self._agrees(position, rest):
                yield position
            position = find(needle, position + 1, high)

    def _newest_first(self, value: int, low: int, high: int) -> Iterator[int]:
        find, needle, rest = self.planes[0].rfind, value & _LOW, self._rest(value)
        position = find(needle, low, high)
        while position >= 0:
            if not rest or self._agrees(position, rest):
                yield position
            position = find(needle, low, position)

    def _rest(self, value: int) -> list[tuple[bytes | bytearray, int]]:
        """Return the planes beyond the lowest that are needed to tell a number, with its bytes there."""
        rest = [(plane, value >> _BYTE * number & _LOW) for number, plane in enumerate(self.planes) if number]
        return [(plane, byte) for plane, byte in rest if byte or plane]

    @staticmethod
    def _agrees(position: int, rest: list[tuple[bytes | bytearray, int]]) -> bool:
        for plane, byte in rest:  # noqa: SIM110 - as a generator it takes twice as long, and this is called a lot
            if (plane[position] if position < len(plane) else 0) != byte:
                return False
        return True


class GrowingPlanes(Planes):
    """Planes in memory that grow at their end."""

    planes: list[bytearray]

    def __init__(self) -> None:
        super().__init__([bytearray() for _ in range(PLANES)])

    def thaw(self, loaded: Planes) -> None:
        """Take over planes that were loaded."""
        for plane, data in zip(self.planes, loaded.planes, strict=True):
            plane.extend(data)

    def extend(self, values: Sequence[int], at: int) -> None:
        """Add numbers of 32 bits for the positions from `at` on; those that were left out before it become 0."""
        if len(values) == 1:
            self._append(values[0], at)
            return
        column = array("I", values)
        if sys.byteorder == "big":
            column.byteswap()
        data = column.tobytes()
        for number, plane in enumerate(self.planes):
            part = data[number::_WIDTH]
            if number:
                part = part.rstrip(b"\0")  # as in `_append`
            if part:
                plane.extend(bytes(at - len(plane)))
                plane.extend(part)

    def _append(self, value: int, at: int) -> None:
        for number, plane in enumerate(self.planes):
            if (byte := value & _LOW) or not number:  # so that planes are the same however their numbers came in
                if len(plane) != at:
                    plane.extend(bytes(at - len(plane)))
                plane.append(byte)
            value >>= _BYTE
            if not value:
                return

    def clear(self, positions: Iterable[int]) -> int:
        """Let the numbers at positions be 0; return the position behind the last number that is not."""
        for position in positions:
            for plane in self.planes:
                if position < len(plane):
                    plane[position] = 0
        ends = [len(plane.rstrip(b"\0")) for plane in self.planes]
        for plane, end in zip(self.planes[1:], ends[1:], strict=True):
            del plane[end:]
        return max(ends)

    def end_at(self, position: int) -> None:
        """Leave out the numbers from a position on, all of which are 0."""
        del self.planes[0][position:]

    def numbers(self, start: int, end: int) -> array[int]:
        """Return the numbers at positions from `start` up to `end`."""
        count = max(0, min(end, len(self)) - start)
        data = bytearray(_WIDTH * count)
        for number, plane in enumerate(self.planes):
            data[number::_WIDTH] = plane[start : start + count].ljust(count, b"\0")
        column = array("I", bytes(data))
        if sys.byteorder == "big":
            column.byteswap()
        return column


def merged(walks: list[Iterator[int]], *, descending: bool) -> Iterator[int]:
    """Merge walks in order into one."""
    return heapq.merge(*walks, reverse=descending) if len(walks) != 1 else walks[0]
