"""Reading stored events: positions of a segment in, decoded events out."""

import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

from store import frame as frames
from store.errors import LogDamaged
from store.event import Event
from store.index import Index, frame_at, frame_number_of
from store.segment import SegmentHeader

_DENSE = 8
_WHOLE_BYTES = 1 << 20


class Segment:
    """A segment file that is open.

    Args:
        path: the file.
        fd: open for reading and writing.
        header: its header.
        index: its index; may be replaced by an equal one at any time.
        unread: whether no one has read its frames yet, so that each is to be checked before parts of it are believed.
    """

    def __init__(self, path: Path, fd: int, header: SegmentHeader, index: Index, *, unread: bool = False) -> None:
        self.path = path
        self.fd = fd
        self.header = header
        self.index = index
        self._unread = unread
        self._unchecked = bytearray()

    @property
    def first_sequence(self) -> int:
        """The sequence of its first event."""
        return self.header.first_sequence

    @property
    def last_sequence(self) -> int:
        """The sequence of its last settled event; the first minus 1 if there is none."""
        return self.header.first_sequence + len(self.index) - 1

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)

    def load_frames(self) -> Index:
        """Return the index once it has loaded what `by_frame` and `command` need.

        Raises:
            IndexUnusable: the segment must be indexed again first.
        """
        index = self.index
        _ = index.frame_firsts, index.frame_offsets
        return index

    def by_frame(self, after: int, index: Index) -> Iterator[list[Event]]:
        """Yield the events of each settled frame, from the one that holds sequence `after + 1` on.

        Args:
            after: the sequence.
            index: the segment's, loaded; the one that takes its place meanwhile may have no file any more.

        Raises:
            LogDamaged: a frame's bytes changed since they were written.
        """
        number = frame_number_of(index, max(0, after + 1 - self.first_sequence))
        while 0 <= number < len(index.frame_firsts):
            yield self._decoded(number, index)[2]
            number += 1

    def between(self, since_ns: int | None, until_ns: int | None) -> tuple[int, int]:
        """Return between which positions, the second excluded, all events of a time lie.

        Where the clock never stepped back, that is exact; else it is the whole segment.

        Raises:
            LogDamaged: a frame's bytes changed since they were written.
        """
        index = self.index
        low, high = 0, len(index)
        if index.ordered and since_ns is not None and since_ns > index.earliest_ns:
            low = self._first_at(since_ns)
        if index.ordered and until_ns is not None and until_ns <= index.latest_ns:
            high = self._first_at(until_ns)
        return low, high

    def _first_at(self, time_ns: int) -> int:
        """Return the position of the first event at a time or later, by a binary search over the frames' headers."""
        firsts = self.index.frame_firsts
        number = bisect_left(range(len(firsts)), time_ns, key=self._time_of)
        return firsts[number] if number < len(firsts) else len(self.index)

    def _time_of(self, number: int) -> int:
        if self._is_unchecked(number):
            self._frame(number, self.index)
        offset, first, _ = frame_at(self.index, number)
        frame = frames.read_header(self._bytes_at(offset, frames.HEADER_BYTES), 0)
        if frame is None or frame.first_sequence != self.first_sequence + first:
            raise self._damaged(offset)
        return frame.time_ns

    def events_at(self, positions: Iterable[int]) -> Iterator[tuple[Event, int]]:
        """Yield the events at positions of the segment, in the order given, with the size of each one's record.

        Raises:
            LogDamaged: a frame's bytes changed since they were written.
        """
        index = self.index
        firsts = index.frame_firsts
        for above, group in groupby(positions, partial(bisect_right, firsts)):
            number, wanted = above - 1, list(group)
            count = (firsts[above] if above < len(firsts) else len(index)) - firsts[number]
            if len(wanted) * _DENSE >= count and _size_of(index, number) <= _WHOLE_BYTES:
                sized, first = self._sized_events(number), firsts[number]
                yield from (sized[position - first] for position in wanted)
            else:
                yield from self._some_events(number, wanted)

    def command(self, sequence: int) -> tuple[frames.Command | None, list[Event]]:
        """Return the command of the frame that holds a sequence, and the frame's events.

        Raises:
            LogDamaged: the frame's bytes changed since they were written.
        """
        index = self.index
        frame, body = self._frame(frame_number_of(index, sequence - self.first_sequence), index)
        try:
            return frames.command_of(body, frame), frames.events_of(body, frame.count)
        except frames.UNREADABLE as error:
            raise self._damaged(frame.offset) from error

    def _is_unchecked(self, number: int) -> bool:
        """Say whether a frame was there before and has not been read whole since."""
        if self._unread:
            self._unread = False
            self._unchecked = bytearray(b"\1") * len(self.index.frame_firsts)
        return number < len(self._unchecked) and bool(self._unchecked[number])

    def _decoded(self, number: int, index: Index) -> tuple[frames.Frame, memoryview, list[Event]]:
        frame, body = self._frame(number, index)
        try:
            return frame, body, frames.events_of(body, frame.count)
        except frames.UNREADABLE as error:
            raise self._damaged(frame.offset) from error

    def _sized_events(self, number: int) -> list[tuple[Event, int]]:
        frame, body, events = self._decoded(number, self.index)
        return list(zip(events, frames.record_sizes(body, frame.count), strict=True))

    def _frame(self, number: int, index: Index) -> tuple[frames.Frame, memoryview]:
        offset, first, count = frame_at(index, number)
        data = self._bytes_at(offset, _size_of(index, number))
        frame = frames.read_frame(data, 0, self.header.salt)
        if frame is None or (frame.first_sequence, frame.count) != (self.first_sequence + first, count):
            raise self._damaged(offset)
        if number < len(self._unchecked):
            self._unchecked[number] = 0
        return frame, memoryview(data)[frames.HEADER_BYTES : frame.end]

    def _bytes_at(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self.fd, size, offset)
        except OSError as error:
            raise LogDamaged(
                f"{self.path}: byte {offset} could not be read: {error.strerror}; check the disk, then start again"
            ) from error

    def _some_events(self, number: int, wanted: Iterable[int]) -> Iterator[tuple[Event, int]]:
        """Read a few events of a frame, by their positions in the segment, by its offset table.

        That skips the CRC. So a frame that was there before the log was opened is checked as a whole the first time.
        """
        if self._is_unchecked(number):
            self._frame(number, self.index)
        first, offset = self.index.frame_firsts[number], self.index.frame_offsets[number]
        fd, body = self.fd, offset + frames.HEADER_BYTES
        try:
            for position in wanted:
                span = os.pread(fd, frames.SPAN_BYTES, body + frames.span_offset(position - first))
                start, end = frames.record_span(span)
                event = frames.decode_event(os.pread(fd, end - start, body + start))
                if event.sequence != self.first_sequence + position:
                    raise self._damaged(offset)
                yield event, end - start
        except (*frames.UNREADABLE, struct.error, OSError, ValueError) as error:
            raise self._damaged(offset) from error

    def _damaged(self, offset: int) -> LogDamaged:
        return LogDamaged(
            f"{self.path}: the frame at byte {offset} changed since it was written: "
            "stop, check the disk, restore the file from a backup"
        )


def _size_of(index: Index, number: int) -> int:
    offsets = index.frame_offsets
    end = offsets[number + 1] if number + 1 < len(offsets) else index.end
    return end - offsets[number]
