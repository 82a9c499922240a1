"""Reading stored events: positions of a segment in, decoded events out."""

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from operator import attrgetter
from typing import NamedTuple

from store.errors import LogDamaged
from store.format import frame as frames
from store.format.frame import Sized
from store.index.interface import Index, frame_at, frame_number_of
from store.model.event import Event
from store.reading.checked_frames import CheckedFrames
from store.reading.frame_runs import WantedOfFrame, beyond_frame, by_bytes, by_frame, end_of, picked, span_of

_DENSE = 3
"""Of so many events of a frame one must be wanted for it to be decoded whole: one alone takes 2.8 times as long."""

_CLOSE = 8
"""Of so many events of small frames one must be wanted for all between them to be read at once."""

_GAP_BYTES = 1 << 14
"""So many bytes that nobody wants are read over between two frames: that takes as long as a second read."""

_TOGETHER = 128
"""So many events of small frames are handed over together."""

_WHOLE_BYTES = 1 << 20
"""About so many bytes are read at once, so that a page of small events out of huge frames keeps memory small."""

_MANY = 8
"""For so many events it is worth it to map a segment that is being written, once more: 15 us, and then each takes 2."""

_SPAN_BYTES = frames.span_offset(2)

_READ_BYTES = 1 << 16
"""How many bytes of a log that is read through come with one call: 4 KiB make it a tenth slower, 1 MiB no faster."""

_sequence_of = attrgetter("sequence")


class Segment(CheckedFrames):
    """A segment that can be read; the arguments are those of `CheckedFrames`."""

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
                offsets, changes = index.frame_offsets, self.changes
                run = self._run(number, max(number, bisect_right(offsets, offsets[number] + _READ_BYTES) - 2), index)
            while number <= run.last:
                try:
                    events = self._decoded(run, number, frames.events_of)
                except LogDamaged:
                    if self.changes == changes:
                        raise
                    break
                if self.changes != changes:
                    break  # it may be half of what it was before something was erased, or all of it: read it again
                yield events
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
            raise self.damaged(offset)
        return frame.time_ns

    def events_at(self, positions: Sequence[int]) -> Iterator[Sized]:
        """Yield the events at positions of the segment, with the size of each one's record: some at a time.

        Args:
            positions: rising or falling; the events come in this order.

        Raises:
            LogDamaged: a frame's bytes changed since they were written.
        """
        index = self.index
        if not positions:
            return
        first, last, size = span_of(index, positions)
        if len(positions) * _DENSE <= abs(positions[-1] - positions[0]):
            view = self.file.view(end_of(index, last), worth_it=len(positions) >= _MANY)
            if view is not None:
                self._is_unchecked(first)
                yield from self._picked(view, positions, index)
                return
        count, small = beyond_frame(index, last) - index.frame_firsts[first], _DENSE * (last - first + 1)
        if len(positions) * _DENSE < count and (count > small or len(positions) * _CLOSE < count):
            yield from self._frame_by_frame(positions, index)
            return
        most = -(-len(positions) // (size // _WHOLE_BYTES + 1))
        for start in range(0, len(positions), most):
            part = positions[start : start + most]
            first, last, size = span_of(index, part)
            if size <= 2 * _WHOLE_BYTES:
                yield from self._events_among(first, last, part)
            else:
                yield from self._frame_by_frame(part, index)

    def _events_among(self, first: int, last: int, positions: Sequence[int]) -> Iterator[Sized]:
        """Yield events, by their positions in the segment, of frames that are read at once."""
        index = self.index
        run = self._run(first, last, index)
        lowest, highest = sorted((positions[0], positions[-1]))
        events, sizes = list[Event](), list[int]()
        for number, begin, beyond, wanted in by_frame(index, positions):
            start, end = max(begin, lowest), min(beyond, highest + 1)
            if end - start == beyond - begin:
                sized = self._decoded(run, number, frames.sized_events_of)
            else:
                within = slice(start - begin, end - begin)
                sized = self._decoded(run, number, partial(frames.sized_events_of, within=within))
            more, their_sizes = sized if beyond - begin == 1 else picked(sized, wanted, start)
            events += more
            sizes += their_sizes
            if len(events) >= _TOGETHER:
                yield events, sizes
                events, sizes = [], []
        if events:
            yield events, sizes

    def _frame_by_frame(self, positions: Sequence[int], index: Index) -> Iterator[Sized]:
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

    def _whole(self, together: Sequence[WantedOfFrame], index: Index) -> Iterator[Sized]:
        """Yield events of frames that are read at once and decoded whole."""
        if not together:
            return
        first, last = sorted((together[0].number, together[-1].number))
        run = self._run(first, last, index)
        for wanted in together:
            yield picked(self._decoded(run, wanted.number, frames.sized_events_of), wanted.positions, wanted.first)

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
            raise self.damaged(frame.offset) from error

    def _some_events(self, number: int, wanted: Sequence[int]) -> Iterator[Sized]:
        """Read some events of a frame, by their positions in the segment, by its offset table.

        That skips the CRC. So a frame that was there before the log was opened is checked as a whole the first time.
        """
        if self._is_unchecked(number):
            self._frame(number, self.index)
        first, offset = self.index.frame_firsts[number], self.index.frame_offsets[number]
        read, body = self._bytes_at, offset + frames.HEADER_BYTES
        if len(wanted) > 1 and abs(wanted[-1] - wanted[0]) < len(wanted) * _DENSE:
            yield from self._close_events(first, offset, wanted)
            return
        try:
            for position in wanted:
                start, end = frames.record_span_at(read(body + frames.span_offset(position - first), _SPAN_BYTES), 0)
                yield self._events_of([read(body + start, end - start)], [position], offset), [end - start]
        except (struct.error, ValueError) as error:
            raise self.damaged(offset) from error

    def _close_events(self, first: int, offset: int, wanted: Sequence[int]) -> Iterator[Sized]:
        """Read events that lie close together in a frame, about `_READ_BYTES` of them at once."""
        body, (low, high) = offset + frames.HEADER_BYTES, sorted((wanted[0], wanted[-1]))
        self.file.view(body, worth_it=len(wanted) >= _MANY)
        table = self._bytes_at(body + frames.span_offset(low - first), frames.span_offset(high - low + 2))
        try:
            starts = frames.offsets_of(table, high - low + 2)
            for part in by_bytes(wanted, low, starts, _READ_BYTES):
                begin, end = sorted((part[0], part[-1]))
                data = self._bytes_at(body + starts[begin - low], starts[end + 1 - low] - starts[begin - low])
                events = self._events_of([data], range(begin, end + 1), offset)
                yield picked((events, frames.sizes_of(starts[begin - low : end + 2 - low])), part, begin)
        except ValueError as error:
            raise self.damaged(offset) from error

    def _picked(self, data: memoryview, positions: Sequence[int], index: Index) -> Iterator[Sized]:
        """Yield events that lie apart in a file that is mapped; what is said of `_some_events` holds here too."""
        firsts, offsets = index.frame_firsts, index.frame_offsets
        first = beyond = body = size = done = 0
        unchecked, count = self._unchecked, len(firsts)
        records, sizes = list[memoryview](), list[int]()
        try:
            for at, position in enumerate(positions, 1):
                if not first <= position < beyond:
                    number = bisect_right(firsts, position) - 1
                    if number < len(unchecked) and unchecked[number]:
                        self._frame(number, index)
                    first, beyond = firsts[number], firsts[number + 1] if number + 1 < count else len(index)
                    body = offsets[number] + frames.HEADER_BYTES
                start, end = frames.record_span_at(data, body + frames.span_offset(position - first))
                records.append(data[body + start : body + end])
                sizes.append(end - start)
                size += end - start
                if size > _READ_BYTES or at == len(positions):
                    yield self._events_of(records, positions[done:at], body), sizes
                    records, sizes, size, done = [], [], 0, at
        except struct.error as error:
            raise self.damaged(body) from error

    def _events_of(self, records: Sequence[memoryview], positions: Sequence[int], offset: int) -> list[Event]:
        """Decode the records of events at positions of the segment, one behind the other."""
        try:
            events = frames.decode_records(records, len(positions))
        except frames.UNREADABLE as error:
            raise self.damaged(offset) from error
        first = self.first_sequence
        if list(map(_sequence_of, events)) != [first + position for position in positions]:
            raise self.damaged(offset)
        return events


class WrittenFrames(NamedTuple):
    """Where frames were written one after the other: in which segment, and at which byte each begins."""

    segment: Segment
    offsets: list[int]
