"""Which frames of a segment hold the positions that are wanted, and where they are. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

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
    positions: list[int]


def span_of(index: Index, positions: Sequence[int]) -> tuple[int, int, int]:
    """Return the first and the last frame of positions, rising or falling, and how many bytes these span."""
    low, high = sorted((positions[0], positions[-1]))
    first, last = frame_number_of(index, low), frame_number_of(index, high)
    return first, last, end_of(index, last) - index.frame_offsets[first]


def by_frame(index: Index, positions: Iterable[int]) -> Iterator[WantedOfFrame]:
    """Group positions, rising or falling, by their frames."""
    wanted = None
    for position in positions:
        if wanted is None or not wanted.first <= position < wanted.beyond:
            if wanted is not None:
                yield wanted
            number = frame_number_of(index, position)
            wanted = WantedOfFrame(number, index.frame_firsts[number], beyond_frame(index, number), [])
        wanted.positions.append(position)
    if wanted is not None:
        yield wanted


def by_bytes(positions: Sequence[int], low: int, starts: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    """Part positions, rising or falling, so that each part spans at most `most` bytes, unless it is a single one.

    Args:
        positions: of one frame.
        low: the lowest of them.
        starts: where each record from that one on begins, and where the last one ends.
        most: bytes.
    """
    start = 0
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
