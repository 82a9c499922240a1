"""Which frames of a segment hold the positions that are wanted, and where they are. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import neg
from typing import NamedTuple

from store.format.frame import Sized
from store.index.interface import Index, frame_number_of


class FrameRun(NamedTuple):
    """Frames that follow each other, read at once.

    Attributes:
        firsts: the position of each frame's first event, for all frames of the segment.
        offsets: the byte at which each begins.
        last: the run's last frame.
        past: the position behind that one's last event.
        base: the byte at which the run begins.
        data: the file's bytes from there on.
    """

    firsts: Sequence[int]
    offsets: Sequence[int]
    last: int
    past: int
    base: int
    data: memoryview

    def beyond(self, number: int) -> int:
        """Return the position behind a frame's last event."""
        return self.firsts[number + 1] if number < self.last else self.past


class WantedOfFrame(NamedTuple):
    """The positions that are wanted of one frame, the position of its first event, and the one behind its last."""

    number: int
    first: int
    beyond: int
    positions: Sequence[int]


def span_of(index: Index, positions: Sequence[int]) -> tuple[int, int, int]:
    """Return the first and the last frame of positions, rising or falling, and how many bytes these span."""
    low, high = sorted((positions[0], positions[-1]))
    first, last = frame_number_of(index, low), frame_number_of(index, high)
    return first, last, end_of(index, last) - index.frame_offsets[first]


def by_frame(index: Index, positions: Sequence[int]) -> Iterator[WantedOfFrame]:
    """Group positions, rising or falling, by their frames."""
    firsts, count, start, falling = index.frame_firsts, len(positions), 0, positions[0] > positions[-1]
    first = beyond = number = -1
    while start < count:
        position = positions[start]
        if position == beyond:
            number += 1
        elif position == first - 1:
            number -= 1
        else:
            number = bisect_right(firsts, position) - 1
        first, beyond = firsts[number], firsts[number + 1] if number + 1 < len(firsts) else len(index)
        if beyond - first == 1:
            end = start + 1
        elif falling:
            end = bisect_right(positions, -first, start, key=neg)
        else:
            end = bisect_left(positions, beyond, start)
        yield WantedOfFrame(number, first, beyond, positions[start:end])
        start = end


def picked(sized: Sized, positions: Sequence[int], first: int) -> Sized:
    """Return those events that are at these positions, rising or falling, of some of which the first is at `first`."""
    events, sizes = sized
    begin, end = positions[0] - first, positions[-1] - first
    if end - begin + 1 != len(positions):
        places = [position - first for position in positions]
        return [events[place] for place in places], [sizes[place] for place in places]
    if len(positions) == len(events):
        return sized
    return events[begin : end + 1], sizes[begin : end + 1]


def by_bytes(positions: Sequence[int], low: int, starts: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    """Part positions, rising or falling, so that each part spans at most `most` bytes, unless it is a single one.

    Args:
        positions: of one frame.
        low: the lowest of them.
        starts: where each record from that one on begins, and where the last one ends.
        most: bytes.
    """
    start, (begin, end) = 0, sorted((positions[0], positions[-1]))
    if starts[end + 1 - low] - starts[begin - low] <= most:
        yield positions
        return
    for at in range(1, len(positions)):
        begin, end = sorted((positions[start], positions[at]))
        if starts[end + 1 - low] - starts[begin - low] > most:
            yield positions[start:at]
            start = at
    yield positions[start:]


def beyond_frame(index: Index, number: int) -> int:
    """Return the position behind a frame's last event."""
    firsts = index.frame_firsts
    return firsts[number + 1] if number + 1 < len(firsts) else len(index)


def end_of(index: Index, number: int) -> int:
    """Return where in the file a frame ends."""
    offsets = index.frame_offsets
    return offsets[number + 1] if number + 1 < len(offsets) else index.end
