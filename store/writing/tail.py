"""The end of the log on disk: frames go into segments, and are synced as the policy says."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from store.disk.files import sync_path
from store.disk.ports import LogPorts
from store.disk.sync import HOLE_BYTES, lengthen, sync_file, write_parts
from store.format import frame as frames
from store.format.clean_stop import CleanStop, remove_clean_stop
from store.format.durable_mark import DurableMark
from store.format.index_file import index_path
from store.format.segment import HEADER_BYTES, SALT_BYTES, SEAL_BYTES, SegmentHeader
from store.format.segment_files import create_segment
from store.format.staged_frame import StagedFrame
from store.index.active_index import SegmentIndex
from store.model.limits import Limits
from store.reading.segment_reader import Segment, WrittenFrames
from store.tamper.seal import Seal
from store.writing.fsync_policy import FsyncPolicy
from store.writing.staged_group import Staged

_SMALL = HOLE_BYTES // 16
"""A group of more bytes than this takes so long to sync that it makes no difference whether the file grows."""


class Place(NamedTuple):
    """Where the log ends: what `Tail.go_back` needs to bring it back there."""

    segment: Segment | None
    position: int
    written: int
    seal: bytes
    total_bytes: int


class Tail:
    """Puts frames behind the last one, and begins the next segment when one is full.

    For one thread at a time. What follows from a failure is for `Writer` to say.

    Attributes:
        directory: the log's.
        policy: when frames are synced.
        written: the last sequence that was written.
        durable: the last sequence that is known to be durable.
        syncs: how many times data was synced.
        total_bytes: the size of all segments, without the holes behind their last frames.
    """

    def __init__(
        self,
        directory: Path,
        policy: FsyncPolicy,
        limits: Limits,
        ports: LogPorts,
        *,
        epoch: bytes,
        segments: Sequence[Segment],
        new_index: Callable[[], SegmentIndex],
        last: int,
        seal: Seal | None,
        mark: DurableMark | None,
    ) -> None:
        self.directory = directory
        self.policy = policy
        self.syncs = 0
        sizes = [segment.file.size for segment in segments]
        self.total_bytes = sum(sizes)
        self._last_sync_ns = ports.clock_ns()
        self._limits = limits
        self._ports = ports
        self._epoch = epoch
        self._new_index = new_index
        self._seal = seal
        self._mark = mark
        self._segment = segments[-1] if segments else None
        self._position = self._size = sizes[-1] if segments else 0
        self.written = self.durable = last
        self._unsynced: list[Path] = []
        self._marked = True

    def clean_stop(self) -> CleanStop:
        """Return what a clean stop now would leave; there must be a segment."""
        assert self._segment is not None
        return CleanStop(self.durable, self._segment.path.name, self._position)

    def sync_due(self) -> bool:
        """Say whether, with `interval:MS`, something has waited for its fsync for that long."""
        if self.policy.kind != "interval" or self.durable == self.written:
            return False
        return not 0 <= self._ports.clock_ns() - self._last_sync_ns < self.policy.interval_ns

    def place(self) -> Place:
        """Return where the log ends now."""
        seal = self._seal.last if self._seal else b""
        return Place(self._segment, self._position, self.written, seal, self.total_bytes)

    def write(self, staged: Staged) -> None:
        """Write a group, and sync it if the policy wants that before it is acknowledged.

        Raises:
            DiskFull: there is no space; some of the group may be on disk.
            SyncFailed: the disk did not confirm.
        """
        if staged.frames:
            self.begin_changes()
        each, before = self.policy.kind == "always", self.durable
        parts: list[bytes] = []
        end, written = self._position, None
        for frame in staged.frames:
            size = frames.HEADER_BYTES + len(frame.body) + (SEAL_BYTES if self._seal else 0)
            if self._must_begin(end + size):
                self._write(parts)
                self._begin_segment(frame.first_sequence)
                end, written = self._position, None
            assert self._segment is not None
            if written is None:
                written = WrittenFrames(self._segment, [])
                staged.written.append(written)
            if self._seal is not None:
                frame.body += self._seal.next(
                    frame.body,
                    flags=_flags(frame),
                    count=frame.count,
                    first_sequence=frame.first_sequence,
                    time_ns=frame.time_ns,
                )
            written.offsets.append(end)
            parts += (self._header(frame), frame.body)
            end += size
            self.written = frame.last_sequence
            if each:
                self._write(parts)
                self._sync_files()
        self._write(parts)
        if self.policy.before_acknowledging and staged.frames and not each:
            self._sync_files()
        if self.durable > before:
            self._promise()  # last: of a group that is taken back nothing was promised

    def begin_changes(self) -> None:
        """Take away what a clean stop left, once."""
        if self._marked:
            remove_clean_stop(self.directory, *((index_path(self._segment.path),) if self._segment else ()))
            self._marked = False

    def write_alone(self, body: bytes, first: int, last: int, time_ns: int) -> tuple[Segment, int] | None:
        """Write one frame without a command, if it needs neither a sync nor a new segment.

        Returns:
            Its segment, and the byte at which it begins; None if nothing was written, for whatever reason.

        Raises:
            SyncFailed: what was written of it could not be removed.
        """
        segment, offset = self._segment, self._position
        size = frames.HEADER_BYTES + len(body)
        if segment is None or self._marked or self._seal is not None or segment.header.seal:
            return None
        if offset + size > self._limits.segment_bytes:
            return None
        header = segment.frame_header(body, last - first + 1, first, self.durable, time_ns)
        try:
            written = os.pwritev(segment.file.fd, (header, body), offset)
        except OSError:
            written = 0
        if written != size:
            segment.file.cut(offset)
            return None
        self._position = offset + size
        self._size = max(self._size, self._position)
        self.total_bytes += size
        self.written = last
        return segment, offset

    def sync(self) -> None:
        """Make everything written durable.

        Raises:
            SyncFailed: the disk did not confirm.
            DiskFull: the process has no descriptor left to sync a complete segment with; nothing is lost.
        """
        self._sync_files()
        self._promise()

    def _sync_files(self) -> None:
        """Make everything written durable, and promise nothing yet: it may be half a group."""
        for path in self._unsynced:
            sync_path(path, self._ports.sync)  # its descriptor is closed once readers see the next segment
        self._unsynced.clear()
        if self._segment is not None:
            sync_file(self._segment.file.fd, self._ports.sync, self._segment.path)
        self.syncs += 1
        self.durable = self.written
        self._last_sync_ns = self._ports.clock_ns()

    def _promise(self) -> None:
        if self._mark is not None:
            self._mark.move(self.durable)

    def trim(self) -> None:
        """Let the file end behind the last frame; the next sync makes that durable.

        Raises:
            SyncFailed: the operating system refused.
        """
        if self._segment is not None and self._size > self._position:
            self._segment.file.cut(self._position)
            self._size = self._position

    def go_back(self, staged: Staged, place: Place) -> None:
        """Remove what was written of a group, the newest first: a segment speaks of those before it.

        Args:
            staged: the group.
            place: where the log ended before it.

        Raises:
            DiskFull: the process has no descriptor left to do it with.
            SyncFailed: the disk did not confirm.
        """
        touched = [written.segment for written in staged.written] + ([self._segment] if self._segment else [])
        created = {id(segment): segment for segment in touched if segment is not place.segment}
        for new in reversed(created.values()):
            new.file.close()
            new.path.unlink()
            sync_path(self.directory)
        staged.written.clear()
        gone = {segment.path for segment in (place.segment, *created.values()) if segment is not None}
        self._unsynced = [path for path in self._unsynced if path not in gone]
        self._segment, self._position, self.written, seal, self.total_bytes = place
        self._size = self._position
        if self._seal is not None:
            self._seal.last = seal
        self.durable = min(self.durable, self.written)
        if place.segment is not None:
            place.segment.file.cut(place.position)
            sync_file(place.segment.file.fd, os.fsync, place.segment.path)

    def _header(self, frame: StagedFrame) -> bytes:
        assert self._segment is not None
        return frames.encode_header(
            frame.body,
            salt=self._segment.header.salt,
            flags=_flags(frame),
            count=frame.count,
            first_sequence=frame.first_sequence,
            durable=self.durable,
            time_ns=frame.time_ns,
            seal_bytes=SEAL_BYTES if self._seal else 0,
        )

    def _write(self, parts: list[bytes]) -> None:
        if parts:
            assert self._segment is not None
            size = sum(map(len, parts))
            if self._position + size > self._size and size <= _SMALL and self.policy.before_acknowledging:
                self._size = lengthen(self._segment.file.fd, self._position + size, self._limits.segment_bytes)
            write_parts(self._segment.file.fd, parts, self._position, self._segment.path)
            self._position += size
            self._size = max(self._size, self._position)
            self.total_bytes += size
            parts.clear()

    def _must_begin(self, end: int) -> bool:
        """Say whether a frame that would end at a byte goes to a new segment."""
        if self._segment is None or end > self._limits.segment_bytes:
            return True
        return bool(self._segment.header.seal) != (self._seal is not None)

    def _begin_segment(self, first_sequence: int) -> None:
        if self._segment is not None:
            self.trim()
            if self.policy.kind == "never":
                self._unsynced.append(self._segment.path)
            else:
                self._sync_files()
        header = SegmentHeader(
            first_sequence=first_sequence,
            durable=self.durable,
            created_ns=self._ports.clock_ns(),
            salt=self._ports.random_bytes(SALT_BYTES),
            epoch=self._epoch,
            seal=self._seal.last if self._seal else b"",
        )
        path, fd = create_segment(self.directory, header)
        self._segment = Segment(path, fd, header, self._new_index())
        self._position = self._size = HEADER_BYTES
        self.total_bytes += HEADER_BYTES


def _flags(frame: StagedFrame) -> int:
    flags = (frames.HAS_COMMAND if frame.command else 0) | (frames.HAS_TAGS if frame.tags else 0)
    return flags | (frames.HAS_ERASED if frame.erased else 0)
