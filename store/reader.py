"""Reading stored events: positions of a segment in, decoded events out. Reads what is settled, never the write position."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from store import frame as frames
from store.errors import LogDamaged
from store.event import Event
from store.index import SegmentIndex
from store.segment import SegmentHeader

_WHOLE_FRAME_BYTES = 16 << 10
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
        loaded, first, events = -1, 0, list[Event]()
        for position in positions:
            number = self.index.frame_number_of(position)
            if number != loaded:
                offset, first, count = self.index.frame_at(number)
                if count > 1 and (event := self._large_frame_event(offset, position - first)) is not None:
                    yield event
                    continue
                loaded, events = number, self._events(number)
            yield events[position - first]

    def command(self, sequence: int) -> tuple[frames.Command | None, list[Event]]:
        """Return the command of the frame that holds a sequence, and the frame's events."""
        number = self.index.frame_number_of(sequence - self.first_sequence)
        frame, body = self._frame(number)
        try:
            return frames.command_of(body, frame), frames.events_of(body, frame.count)
        except msgspec.DecodeError as error:
            raise self._damaged(frame.offset) from error

    def _events(self, number: int) -> list[Event]:
        frame, body = self._frame(number)
        try:
            return frames.events_of(body, frame.count)
        except msgspec.DecodeError as error:
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

    def _large_frame_event(self, offset: int, index: int) -> Event | None:
        """Read one event of a frame by its offset table; None if the frame is small enough to read as a whole."""
        header = os.pread(self.fd, frames.HEADER_BYTES, offset)
        frame = frames.read_header(header, 0)
        if frame is None:
            raise self._damaged(offset)
        if frame.end <= _WHOLE_FRAME_BYTES:
            return None
        body = offset + frames.HEADER_BYTES
        low, high = frames.record_span_at(index)
        start, end = frames.unpack_span(os.pread(self.fd, high - low, body + low))
        try:
            return frames.decode_event(os.pread(self.fd, end - start, body + start))
        except msgspec.DecodeError as error:
            raise self._damaged(offset) from error

    def _damaged(self, offset: int) -> LogDamaged:
        return LogDamaged(
            f"{self.path}: the frame at byte {offset} changed since the log was opened: "
            "stop, check the disk, restore the file from a backup"
        )
