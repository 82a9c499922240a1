"""The frames of a segment: bytes that are believed once their CRC was found to hold."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from store.errors import LogDamaged
from store.format import frame as frames
from store.format.segment import SegmentHeader
from store.index.interface import Index
from store.index.waiting_frames import Indexed
from store.reading.frame_runs import FrameRun, beyond_frame, end_of
from store.reading.segment_file import SegmentFile

T = TypeVar("T")


class CheckedFrames(Indexed):
    """A segment whose frames can be read.

    Args:
        path: its file.
        fd: that, open for reading and writing.
        header: its header.
        index: its index; may be replaced by an equal one at any time. Reading it folds in what waits.
        unread: whether no one has read its frames yet, so that each is to be checked before parts of it are believed.
        foreign: whether another process writes it.

    Attributes:
        foreign: see there.
        changes: another number before and after each time that events of it are erased; it changes under the lock of
            whoever reads, so that one who reads without it can tell.
    """

    def __init__(
        self,
        path: Path,
        fd: int,
        header: SegmentHeader,
        index: Index,
        *,
        unread: bool = False,
        foreign: bool = False,
    ) -> None:
        super().__init__(index)
        self.path = path
        self.file = SegmentFile(path, fd, foreign=foreign)
        self.header = header
        self.foreign = foreign
        self.changes = 0
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

    def _is_unchecked(self, number: int) -> bool:
        """Say whether a frame was there before and has not been read whole since."""
        if self._unread:
            self._unread = False
            self._unchecked = bytearray(b"\1") * len(self.index.frame_firsts)
        return number < len(self._unchecked) and bool(self._unchecked[number])

    def _run(self, first: int, last: int, index: Index) -> FrameRun:
        base, end = index.frame_offsets[first], end_of(index, last)
        unchecked = self._is_unchecked(first) or 1 in self._unchecked[first : last + 1]
        read = self.file.first_bytes_at if unchecked else self._bytes_at
        return FrameRun(
            index.frame_firsts, index.frame_offsets, last, beyond_frame(index, last), base, read(base, end - base)
        )

    def _decoded(self, run: FrameRun, number: int, decode: Callable[[memoryview, int], T]) -> T:
        frame, body = self._checked(run, number)
        try:
            return decode(body, frame.count)
        except frames.UNREADABLE as error:
            raise self.damaged(run.base + frame.offset) from error

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
            raise self.damaged(offset)
        if number < len(self._unchecked):
            self._unchecked[number] = 0
        return frame, run.data[frame.offset + frames.HEADER_BYTES : frame.end]

    def whole_frame(self, number: int, index: Index) -> tuple[frames.Frame, memoryview]:
        """Return a frame, as it lies in its file, and all of its bytes.

        Raises:
            LogDamaged: its bytes changed since they were written.
        """
        run = self._run(number, number, index)
        frame, _ = self._checked(run, number)
        data = run.data[frame.offset : frame.end]
        return msgspec.structs.replace(frame, offset=run.base + frame.offset, end=run.base + frame.end), data

    def _bytes_at(self, offset: int, size: int) -> memoryview:
        return self.file.bytes_at(offset, size)

    def damaged(self, offset: int) -> LogDamaged:
        """Return the error that says that a frame's bytes changed."""
        return LogDamaged(
            f"{self.path}: the frame at byte {offset} changed since it was written: "
            "stop, check the disk, restore the file from a backup"
        )
