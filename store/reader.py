"""Reading stored events: positions of a segment in, decoded events out."""

import os
import struct
from bisect import bisect_right
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
_LOOK_BYTES = 2048


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

    def load_frames(self) -> None:
        """Have the index load what `by_frame` and `command` need.

        Raises:
            IndexUnusable: the segment must be indexed again first.
        """
        _ = self.index.frame_firsts, self.index.frame_offsets

    def by_frame(self, after: int) -> Iterator[list[Event]]:
        """Yield the events of each settled frame, from the one that holds sequence `after + 1` on.

        Raises:
            LogDamaged: a frame's bytes changed since they were written.
        """
        number = frame_number_of(self.index, max(0, after + 1 - self.first_sequence))
        while 0 <= number < len(self.index.frame_firsts):
            yield self._events(number)
            number += 1

    def events_at(self, positions: Iterable[int]) -> Iterator[Event]:
        """Yield the events at positions of the segment, in the order given.

        Raises:
            LogDamaged: a frame's bytes changed since they were written.
        """
        index = self.index
        firsts = index.frame_firsts
        for above, group in groupby(positions, partial(bisect_right, firsts)):
            number, wanted = above - 1, list(group)
            count = (firsts[above] if above < len(firsts) else len(index)) - firsts[number]
            if len(wanted) * _DENSE >= count:
                events, first = self._events(number), firsts[number]
                yield from (events[position - first] for position in wanted)
            else:
                yield from self._some_events(number, wanted)

    def command(self, sequence: int) -> tuple[frames.Command | None, list[Event]]:
        """Return the command of the frame that holds a sequence, and the frame's events.

        Raises:
            LogDamaged: the frame's bytes changed since they were written.
        """
        frame, body = self._frame(frame_number_of(self.index, sequence - self.first_sequence))
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

    def _events(self, number: int) -> list[Event]:
        frame, body = self._frame(number)
        try:
            return frames.events_of(body, frame.count)
        except frames.UNREADABLE as error:
            raise self._damaged(frame.offset) from error

    def _frame(self, number: int) -> tuple[frames.Frame, memoryview]:
        offset, first, count = frame_at(self.index, number)
        data = os.pread(self.fd, self._size_of(number), offset)
        frame = frames.read_header(data, 0)
        if frame is not None and len(data) < frame.end:
            data += os.pread(self.fd, frame.end - len(data), offset + len(data))
        frame = frames.read_frame(data, 0, self.header.salt)
        if frame is None or (frame.first_sequence, frame.count) != (self.first_sequence + first, count):
            raise self._damaged(offset)
        if number < len(self._unchecked):
            self._unchecked[number] = 0
        return frame, memoryview(data)[frames.HEADER_BYTES : frame.end]

    def _size_of(self, number: int) -> int:
        """Return how long a frame is; for the last one, a guess."""
        offsets = self.index.frame_offsets
        return offsets[number + 1] - offsets[number] if number + 1 < len(offsets) else _LOOK_BYTES

    def _some_events(self, number: int, wanted: Iterable[int]) -> Iterator[Event]:
        """Read a few events of a frame, by their positions in the segment, by its offset table.

        That skips the CRC. So a frame that was there before the log was opened is checked as a whole the first time.
        """
        if self._is_unchecked(number):
            self._frame(number)
        first, offset = self.index.frame_firsts[number], self.index.frame_offsets[number]
        fd, body = self.fd, offset + frames.HEADER_BYTES
        try:
            for position in wanted:
                span = os.pread(fd, frames.SPAN_BYTES, body + frames.span_offset(position - first))
                start, end = frames.record_span(span)
                event = frames.decode_event(os.pread(fd, end - start, body + start))
                if event.sequence != self.first_sequence + position:
                    raise self._damaged(offset)
                yield event
        except (*frames.UNREADABLE, struct.error, OSError, ValueError) as error:
            raise self._damaged(offset) from error

    def _damaged(self, offset: int) -> LogDamaged:
        return LogDamaged(
            f"{self.path}: the frame at byte {offset} changed since it was written: "
            "stop, check the disk, restore the file from a backup"
        )
