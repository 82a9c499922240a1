"""Keeping up with a log that another process writes: what a read-only log sees grows, rotates and loses its beginning.

No file is opened for writing and nothing is brought into order. Each look costs a few calls of the operating system: is
the last segment still the same file, and its last frame the one that was read; has something been written behind it; is
there a next segment; was anything retired? Where something is not as it was, since a crash, a full disk or a restore
took back what had been written, all is loaded again.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from store.errors import LogDamaged
from store.format import frame as frames
from store.format import segment as segments
from store.format.erasure_record import ERASURE_NAME
from store.format.retention_record import RECORD_NAME, RetentionRecord, read_record
from store.format.segment_files import segment_names
from store.index.active_index import SegmentIndex
from store.index.rebuild import add_frames_behind, growing
from store.reading.committed import Committed
from store.reading.segment_reader import Segment
from store.streams.stream_table import StreamTable

_AT_ONCE = 1 << 16
"""How many bytes behind the last frame are read at once; a hole follows, which may be sixteen times as long."""

_TRIES = 20
"""How often a read that meets an erasing is done again: a step of an erasing waits for the disk three times."""

T = TypeVar("T")

Loaded = tuple[list[Segment], StreamTable, RetentionRecord]


class Follower:
    """Lets readers see what another process has written meanwhile.

    Args:
        directory: the log's.
        committed: what readers see; it grows.
        table: where the streams are; it grows too.
        load: opens and indexes all of the log anew, read-only.
    """

    def __init__(self, directory: Path, committed: Committed, table: StreamTable, load: Callable[[], Loaded]) -> None:
        self._directory = directory
        self._committed = committed
        self._table = table
        self._load = load
        self._retired = self._seen(RECORD_NAME)
        self._erased = self._mended_at = self._seen(ERASURE_NAME)
        self._last_header = self._header_of_last()

    def look(self) -> None:
        """Take in what was written and what was retired since the last look.

        Raises:
            LogDamaged: something that had been durable is unreadable.
        """
        with self._committed.lock:
            if not self._same():
                self._reload()
            elif (seen := self._seen(RECORD_NAME)) != self._retired:
                self._committed.hide_retired(read_record(self._directory))
                self._retired = seen
            while self._grow() or self._next_segment():
                pass
            self._last_header = self._header_of_last()

    def steadily(self, work: Callable[[], T]) -> T:
        """Read, again if events were erased meanwhile: it could have met bytes that were half written.

        Raises:
            LogDamaged: an event's bytes changed, and it is not by an erasing.
        """
        for _ in range(_TRIES):
            before = self._seen(ERASURE_NAME)
            try:
                found = work()
            except LogDamaged:
                if not self.mended():
                    raise
            else:
                if self._seen(ERASURE_NAME) == before:
                    return found
        return work()

    def mended(self) -> bool:
        """Load all anew if events were erased since that was done the last time, and say so.

        Raises:
            LogDamaged: something that had been durable is unreadable.
        """
        with self._committed.lock:
            erased = self._seen(ERASURE_NAME)
            if erased == self._mended_at:
                return False
            self._mended_at = erased
            self._reload()
            return True

    def _same(self) -> bool:
        """Say whether what was read last is still there, and nothing stands for it that is outdated."""
        if self._erased != self._seen(ERASURE_NAME) and any(each.file.held for each in self._committed.segments):
            return False
        last = self._last
        if last is None:
            return not segment_names(self._directory)
        try:
            named = last.path.stat()
        except FileNotFoundError:
            return False
        same = os.path.samestat(named, os.fstat(last.file.fd)) and named.st_size >= last.index.end
        return same and self._header_of_last() == self._last_header

    def _reload(self) -> None:
        retired, self._erased = self._seen(RECORD_NAME), self._seen(ERASURE_NAME)
        loaded, table, record = self._load()
        before, self._committed.segments[:] = list(self._committed.segments), loaded
        for segment in before:
            segment.file.let_go()  # anyone who is reading it may go on
        self._table.become(table)
        self._committed.record, self._committed.last_retired = record, record.last
        self._retired = retired

    def _grow(self) -> bool:
        """Take in frames behind the last one; say whether there were any."""
        last = self._last
        if last is None:
            return False
        end = max(last.index.end, segments.HEADER_BYTES)
        frame = frames.read_header(os.pread(last.file.fd, frames.HEADER_BYTES, end), 0)
        if frame is None:
            return False
        data = os.pread(last.file.fd, max(frame.end, _AT_ONCE), end)
        if next(frames.frames_in(data, 0, last.header.salt), None) is None:
            return False
        if not isinstance(last.index, SegmentIndex):
            last.index = growing(last, self._table)
        return add_frames_behind(last.index, last.header, memoryview(data), end)

    def _next_segment(self) -> bool:
        """Open the segment that begins behind the last event; say whether there is one."""
        last = self._last
        if last is not None and last.last_sequence < last.first_sequence:
            return False
        path = self._directory / segments.segment_name(self._committed.head + 1)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        header = segments.decode_header(os.pread(fd, segments.HEADER_BYTES, 0))
        if header is None or header.first_sequence != self._committed.head + 1:
            os.close(fd)
            return False
        if last is not None:
            last.file.map()
        self._committed.segments.append(Segment(path, fd, header, SegmentIndex(self._table), foreign=True))
        return True

    @property
    def _last(self) -> Segment | None:
        return self._committed.segments[-1] if self._committed.segments else None

    def _header_of_last(self) -> bytes:
        """Return the header of the last frame, whose CRC covers all of it; empty if there is none."""
        last = self._last
        if last is None or not len(last.index):
            return b""
        offsets = self._committed.with_indexes(last.load_frames).frame_offsets
        return os.pread(last.file.fd, frames.HEADER_BYTES, offsets[len(offsets) - 1])

    def _seen(self, name: str) -> tuple[int, int] | None:
        try:
            seen = (self._directory / name).stat()
        except FileNotFoundError:
            return None
        return seen.st_ino, seen.st_mtime_ns
