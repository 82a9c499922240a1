"""Reading stored events: positions of a segment in, decoded events out."""

import os
import struct
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from store import frame as frames
from store.errors import LogDamaged
from store.event import Event
from store.index import SegmentIndex
from store.segment import SegmentHeader

_DENSE = 8
_LOOK_BYTES = 2048


class Segment:
    """A segment file that is open, with its index."""

    def __init__(self, path: Path, fd: int, header: SegmentHeader) -> None:
        self.path = path
        self.fd = fd
        self.header = header
        self.index = SegmentIndex(header.first_sequence)

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

    def by_frame(self, after: int) -> Iterator[list[Event]]:
        """Yield the events of each settled frame, from the one that holds sequence `after + 1` on.

        Raises:
            LogDamaged: a frame's bytes changed since the log was opened.
        """
        number = self.index.frame_number_of(max(0, after + 1 - self.first_sequence))
        while 0 <= number < self.index.frames:
            yield self._events(number)
            number += 1

    def events_at(self, positions: Iterable[int]) -> Iterator[Event]:
        """Yield the events at positions of the segment, in the order given.

        Raises:
            LogDamaged: a frame's bytes changed since the log was opened.
        """
        for number, group in groupby(positions, self.index.frame_number_of):
            _, first, count = self.index.frame_at(number)
            wanted = [position - first for position in group]
            if len(wanted) * _DENSE >= count:
                events = self._events(number)
                yield from (events[position] for position in wanted)
            else:
                yield from self._some_events(number, wanted)

    def command(self, sequence: int) -> tuple[frames.Command | None, list[Event]]:
        """Return the command of the frame that holds a sequence, and the frame's events."""
        number = self.index.frame_number_of(sequence - self.first_sequence)
        frame, body = self._frame(number)
        try:
            return frames.command_of(body, frame), frames.events_of(body, frame.count)
        except frames.UNREADABLE as error:
            raise self._damaged(frame.offset) from error

    def _events(self, number: int) -> list[Event]:
        frame, body = self._frame(number)
        try:
            return frames.events_of(body, frame.count)
        except frames.UNREADABLE as error:
            raise self._damaged(frame.offset) from error

    def _frame(self, number: int) -> tuple[frames.Frame, memoryview]:
        offset, _, count = self.index.frame_at(number)
        data = os.pread(self.fd, _LOOK_BYTES, offset)
        frame = frames.read_header(data, 0)
        if frame is None or frame.count != count:
            raise self._damaged(offset)
        if len(data) < frame.end:
            data += os.pread(self.fd, frame.end - len(data), offset + len(data))
        if len(data) < frame.end:
            raise self._damaged(offset)
        return frame, memoryview(data)[frames.HEADER_BYTES : frame.end]

    def _some_events(self, number: int, wanted: Iterable[int]) -> Iterator[Event]:
        """Read a few events of a frame by its offset table."""
        offset, _, count = self.index.frame_at(number)
        body = offset + frames.HEADER_BYTES
        table = os.pread(self.fd, frames.table_bytes(count), body)
        try:
            for index in wanted:
                start, end = frames.record_span(table, index)
                yield frames.decode_event(os.pread(self.fd, end - start, body + start))
        except (*frames.UNREADABLE, struct.error) as error:
            raise self._damaged(offset) from error

    def _damaged(self, offset: int) -> LogDamaged:
        return LogDamaged(
            f"{self.path}: the frame at byte {offset} changed since the log was opened: "
            "stop, check the disk, restore the file from a backup"
        )
