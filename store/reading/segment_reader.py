"""Reading stored events: positions of a segment in, decoded events out."""

import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, TypeVar

from store.errors import LogDamaged
from store.format import frame as frames
from store.format.segment import SegmentHeader
from store.index.interface import Index, frame_at, frame_number_of
from store.index.waiting_frames import Indexed
from store.model.event import Event
from store.reading.frame_runs import FrameRun, WantedOfFrame, beyond_frame, by_frame, end_of, span_of

_DENSE = 3
"""Of so many events of a frame one must be wanted for it to be decoded whole: one alone takes 2.8 times as long."""

_CLOSE = 8
"""Of so many events of small frames one must be wanted for all between them to be read at once."""

_GAP_BYTES = 1 << 14
"""So many bytes that nobody wants are read over between two frames: that takes as long as a second read."""

_WHOLE_BYTES = 1 << 20
"""About so many bytes are read at once, so that a page of small events out of huge frames keeps memory small."""

_READ_BYTES = 1 << 16
"""How many bytes of a log that is read through come with one call: 4 KiB make it a tenth slower, 1 MiB no faster."""

T = TypeVar("T")


class Segment(Indexed):
    """A segment file that is open.

    Args:
        path: the file.
        fd: open for reading and writing.
        header: its header.
        index: its index; may be replaced by an equal one at any time. Reading it folds in what waits.
        unread: whether no one has read its frames yet, so that each is to be checked before parts of it are believed.
    """

    def __init__(self, path: Path, fd: int, header: SegmentHeader, index: Index, *, unread: bool = False) -> None:
        super().__init__(index)
        self.path = path
        self.fd = fd
        self.header = header
        self._tag, self._seed = frames.tag_and_seed(header.salt)
        self._unread = unread
        self._unchecked = bytearray()

    @property
    def first_sequence(self) -> int:
        """The sequence of its first event."""
        return self.header.first_sequence

    @property
    def last_sequence(self) -> int:
        """The sequence of its last settled event; the first minus 1 if there is none."""
        return self.header.first_sequence + self.events - 1

    def frame_header(self, body: bytes, count: int, first_sequence: int, durable: int, time_ns: int) -> bytes:
        """Return the header that makes `body` a frame without a command and without a seal of this segment."""
        return frames.plain_header(body, self._tag, self._seed, count, first_sequence, durable, time_ns)

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

    def by_frame(self, after: int, index: Index, lock: AbstractContextManager[object]) -> Iterator[list[Event]]:
        """Yield the events of each settled frame, from the one that holds sequence `after + 1` on.

        Args:
            after: the sequence.
            index: the segment's, loaded; the one that takes its place meanwhile may have no file any more.
            lock: whoever changes the index holds it.

        Raises:
            LogDamaged: a frame's bytes changed since they were written.
        """
        number = frame_number_of(index, max(0, after + 1 - self.first_sequence))
        while True:
            with lock:
                if not 0 <= number < len(index.frame_firsts):
                    return
                offsets = index.frame_offsets
                run = self._run(number, max(number, bisect_right(offsets, offsets[number] + _READ_BYTES) - 2), index)
            while number <= run.last:
                yield self._decoded(run, number, frames.events_of)
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
        """Yield the events at positions of the segment, with the size of each one's record.

        Args:
            positions: rising or falling; the events come in this order.

        Raises:
            LogDamaged: a frame's bytes changed since they were written.
        """
        index, wanted = self.index, list(positions)
        if not wanted:
            return
        first, last, size = span_of(index, wanted)
        count, small = beyond_frame(index, last) - index.frame_firsts[first], _DENSE * (last - first + 1)
        if len(wanted) * _DENSE < count and (count > small or len(wanted) * _CLOSE < count):
            yield from self._frame_by_frame(wanted, index)
            return
        most = -(-len(wanted) // (size // _WHOLE_BYTES + 1))
        for start in range(0, len(wanted), most):
            part = wanted[start : start + most]
            first, last, size = span_of(index, part)
            if size <= 2 * _WHOLE_BYTES:
                yield from self._events_among(first, last, part)
            else:
                yield from self._frame_by_frame(part, index)

    def _events_among(self, first: int, last: int, wanted: Iterable[int]) -> Iterator[tuple[Event, int]]:
        """Yield events, by their positions in the segment, of small frames that are read at once."""
        run = self._run(first, last, self.index)
        start = beyond = 0
        sized: list[tuple[Event, int]] = []
        for position in wanted:
            if not start <= position < beyond:
                number = bisect_right(run.firsts, position, first, last + 1) - 1
                start, beyond = run.firsts[number], run.beyond(number)
                sized = self._decoded(run, number, frames.sized_events_of)
            yield sized[position - start]

    def _frame_by_frame(self, positions: Iterable[int], index: Index) -> Iterator[tuple[Event, int]]:
        """Yield events, and decide for each frame whether to decode it whole; neighbours are read together."""
        together: list[WantedOfFrame] = []
        low = high = 0
        for wanted in by_frame(index, positions):
            begin, end = index.frame_offsets[wanted.number], end_of(index, wanted.number)
            if len(wanted.positions) * _DENSE < wanted.beyond - wanted.first or end - begin > _WHOLE_BYTES:
                yield from self._whole(together, index)
                together = []
                yield from self._some_events(wanted.number, wanted.positions)
                continue
            near = begin - high <= _GAP_BYTES and low - end <= _GAP_BYTES
            if not together or not near or max(high, end) - min(low, begin) > _WHOLE_BYTES:
                yield from self._whole(together, index)
                together, low, high = [], begin, end
            together.append(wanted)
            low, high = min(low, begin), max(high, end)
        yield from self._whole(together, index)

    def _whole(self, together: Sequence[WantedOfFrame], index: Index) -> Iterator[tuple[Event, int]]:
        """Yield events of frames that are read at once and decoded whole."""
        if not together:
            return
        first, last = sorted((together[0].number, together[-1].number))
        run = self._run(first, last, index)
        for wanted in together:
            sized = self._decoded(run, wanted.number, frames.sized_events_of)
            for position in wanted.positions:
                yield sized[position - wanted.first]

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

    def _run(self, first: int, last: int, index: Index) -> FrameRun:
        base, end = index.frame_offsets[first], end_of(index, last)
        data = memoryview(self._bytes_at(base, end - base))
        return FrameRun(index.frame_firsts, index.frame_offsets, last, beyond_frame(index, last), base, data)

    def _decoded(self, run: FrameRun, number: int, decode: Callable[[memoryview, int], T]) -> T:
        frame, body = self._checked(run, number)
        try:
            return decode(body, frame.count)
        except frames.UNREADABLE as error:
            raise self._damaged(run.base + frame.offset) from error

    def _frame(self, number: int, index: Index) -> tuple[frames.Frame, memoryview]:
        return self._checked(self._run(number, number, index), number)

    def _checked(self, run: FrameRun, number: int) -> tuple[frames.Frame, memoryview]:
        """Return a frame of a run and its body, if the bytes are still those that were written."""
        offset, first = run.offsets[number], run.firsts[number]
        frame = frames.checked_frame(run.data, offset - run.base, self._tag, self._seed)
        if (
            frame is None
            or frame.first_sequence != self.header.first_sequence + first
            or frame.count != run.beyond(number) - first
        ):
            raise self._damaged(offset)
        if number < len(self._unchecked):
            self._unchecked[number] = 0
        return frame, run.data[frame.offset + frames.HEADER_BYTES : frame.end]

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


class WrittenFrames(NamedTuple):
    """Where frames were written one after the other: in which segment, and at which byte each begins."""

    segment: Segment
    offsets: list[int]
