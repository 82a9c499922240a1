"""The writing side: frames into segments, synced as the policy says. Safe to run in a thread next to readers."""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from store import frame as frames
from store.durability import (
    AHEAD_BYTES,
    FsyncPolicy,
    create_file,
    cut_back,
    lengthen,
    sync_file,
    sync_path,
    write_all,
    write_parts,
)
from store.errors import DiskFull, StoreError, SyncFailed
from store.index import SegmentIndex
from store.index_file import index_path
from store.keyed_seal import Seal
from store.limits import Limits
from store.mark import DurableMark
from store.marker import Marker, remove_marker
from store.ports import Ports
from store.reader import Segment
from store.segment import HEADER_BYTES, SALT_BYTES, SEAL_BYTES, SegmentHeader, encode_header, segment_name
from store.staged import Run, Staged, StagedFrame

_SMALL = AHEAD_BYTES // 16
"""A group of more bytes than this takes so long to sync that it makes no difference whether the file grows."""


class _Before(NamedTuple):
    """Where a group began."""

    segment: Segment | None
    position: int
    written: int
    seal: bytes
    total_bytes: int


class Writer:
    """Appends frames to the last segment, and begins the next one when it is full.

    Attributes:
        durable: the last sequence that is known to be durable.
        broken: why nothing will be written any more.
        syncs: how many times data was synced.
        total_bytes: the size of all segments, without the holes behind their last frames.
    """

    def __init__(
        self,
        directory: Path,
        policy: FsyncPolicy,
        limits: Limits,
        ports: Ports,
        *,
        epoch: bytes,
        segments: Sequence[Segment],
        new_index: Callable[[], SegmentIndex],
        last: int,
        seal: Seal | None,
        mark: DurableMark,
    ) -> None:
        self.policy = policy
        self.broken: SyncFailed | None = None
        self.syncs = 0
        sizes = [os.fstat(segment.fd).st_size for segment in segments]
        self.total_bytes = sum(sizes)
        self._lock = threading.Lock()
        self._blocked: DiskFull | None = None
        self._last_sync_ns = ports.clock_ns()
        self._directory = directory
        self._limits = limits
        self._ports = ports
        self._epoch = epoch
        self._new_index = new_index
        self._seal = seal
        self._mark = mark
        self._segment = segments[-1] if segments else None
        self._position = self._size = sizes[-1] if segments else 0
        self._written = self.durable = last
        self._unsynced: list[Segment] = []
        self._marked = True

    def marker(self) -> Marker:
        """Return what a clean stop now would leave; there must be a segment."""
        assert self._segment is not None
        return Marker(self.durable, self._segment.path.name, self._position)

    def sync_due(self) -> bool:
        """Say whether, with `interval:MS`, something has waited for its fsync for that long."""
        if self.policy.kind != "interval" or self.durable == self._written:
            return False
        return not 0 <= self._ports.clock_ns() - self._last_sync_ns < self.policy.interval_ns

    def after_failure(self, take_back: Callable[[DiskFull], None]) -> None:
        """If the last write was taken back, have the rest of what is staged taken back, and allow writing again."""
        if self._blocked is not None:
            with self._lock:
                take_back(self._blocked)
                self._blocked = None

    def flush(self, staged: Staged) -> None:
        """Write a group, and sync it if the policy wants that before it is acknowledged.

        Raises:
            DiskFull: there is no space; nothing of the group is left on disk.
            SyncFailed: the disk did not confirm; the writer is broken for good.
        """
        with self._lock:
            self._refuse_if_unable(staged)
            seal = self._seal.last if self._seal else b""
            before = _Before(self._segment, self._position, self._written, seal, self.total_bytes)
            try:
                self._write_group(staged)
            except DiskFull as error:
                self._take_back(staged, before)
                self._blocked = error
                raise
            except SyncFailed as error:
                self.broken = error
                raise
            except BaseException as error:
                # Whatever it is: the group is neither whole on disk nor taken back, so nothing may follow it.
                self.broken = SyncFailed(f"{self._directory} could not be written: {error!r}; start again")
                raise self.broken from error
            staged.flushed = True

    def sync(self) -> None:
        """Make everything written durable.

        Raises:
            SyncFailed: the disk did not confirm; the writer is broken for good.
        """
        with self._lock:
            if self.broken:
                raise self.broken
            self._unless_broken(self._sync_written)

    def shrink(self, size: int) -> None:
        """Count so many bytes of segments as gone."""
        with self._lock:
            self.total_bytes -= size

    def trim(self) -> None:
        """Let the file end behind the last frame; the next sync makes that durable.

        Raises:
            SyncFailed: the operating system refused; the writer is broken for good.
        """
        with self._lock:
            self._unless_broken(self._trim)

    def guarded(self, work: Callable[[], object]) -> None:
        """Do work on derived files; if the disk does not confirm it, the writer is broken too.

        Raises:
            SyncFailed: the disk did not confirm.
        """
        self._unless_broken(work)

    def _refuse_if_unable(self, staged: Staged) -> None:
        for failure in (self.broken, staged.failure, self._blocked):
            if failure is not None:
                raise failure

    def _unless_broken(self, work: Callable[[], object]) -> None:
        try:
            work()
        except SyncFailed as error:
            self.broken = error
            raise

    def _write_group(self, staged: Staged) -> None:
        if self._marked and staged.frames:
            remove_marker(self._directory, *((index_path(self._segment.path),) if self._segment else ()))
            self._marked = False
        each = self.policy.kind == "always"
        parts: list[bytes] = []
        end, run = self._position, None
        for frame in staged.frames:
            size = frames.HEADER_BYTES + len(frame.body) + (SEAL_BYTES if self._seal else 0)
            if self._must_begin(end + size):
                self._write(parts)
                self._begin_segment(frame.first_sequence)
                end, run = self._position, None
            assert self._segment is not None
            if run is None:
                run = Run(self._segment, [])
                staged.runs.append(run)
            if self._seal is not None:
                frame.body += self._seal.next(
                    frame.body,
                    flags=_flags(frame),
                    count=frame.count,
                    first_sequence=frame.first_sequence,
                    time_ns=frame.time_ns,
                )
            run.offsets.append(end)
            parts += (self._header(frame), frame.body)
            end += size
            self._written = frame.last_sequence
            if each:
                self._write(parts)
                self._sync_written()
        self._write(parts)
        if self.policy.before_acknowledging and staged.frames and not each:
            self._sync_written()

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
                self._size = lengthen(self._segment.fd, self._position + size, self._limits.segment_bytes)
            write_parts(self._segment.fd, parts, self._position, self._segment.path)
            self._position += size
            self._size = max(self._size, self._position)
            self.total_bytes += size
            parts.clear()

    def _trim(self) -> None:
        if self._segment is not None and self._size > self._position:
            cut_back(self._segment.fd, self._position, self._segment.path)
            self._size = self._position

    def _sync_written(self) -> None:
        for segment in (*self._unsynced, self._segment):
            if segment is not None:
                sync_file(segment.fd, self._ports.sync, segment.path)
        self._unsynced.clear()
        self.syncs += 1
        self.durable = self._written
        self._mark.move(self.durable)
        self._last_sync_ns = self._ports.clock_ns()

    def _must_begin(self, end: int) -> bool:
        """Say whether a frame that would end at a byte goes to a new segment."""
        if self._segment is None or end > self._limits.segment_bytes:
            return True
        return bool(self._segment.header.seal) != (self._seal is not None)

    def _begin_segment(self, first_sequence: int) -> None:
        if self._segment is not None:
            self._trim()
            if self.policy.kind == "never":
                self._unsynced.append(self._segment)
            else:
                self._sync_written()
        header = SegmentHeader(
            first_sequence=first_sequence,
            durable=self.durable,
            created_ns=self._ports.clock_ns(),
            salt=self._ports.random_bytes(SALT_BYTES),
            epoch=self._epoch,
            seal=self._seal.last if self._seal else b"",
        )
        self._segment = create_segment(self._directory, header, self._new_index())
        self._position = self._size = HEADER_BYTES
        self.total_bytes += HEADER_BYTES

    def _take_back(self, staged: Staged, before: _Before) -> None:
        """Remove what was written of a group; what cannot be removed for want of anything may not be followed."""
        try:
            self._cut_back(staged, before)
        except StoreError as error:
            self.broken = SyncFailed(f"{self._directory}: an append that failed could not be removed: {error}")
            raise self.broken from error

    def _cut_back(self, staged: Staged, before: _Before) -> None:
        """Remove what was written of a group, the newest first: a segment speaks of those before it."""
        if self.durable > before.written:
            self._mark.move_back(before.written)
        touched = [run.segment for run in staged.runs] + ([self._segment] if self._segment else [])
        created = {id(segment): segment for segment in touched if segment is not before.segment}
        for new in reversed(created.values()):
            new.close()
            new.path.unlink()
            sync_path(self._directory)
        staged.runs.clear()
        self._unsynced = [kept for kept in self._unsynced if kept is not before.segment and id(kept) not in created]
        self._segment, self._position, self._written, seal, self.total_bytes = before
        self._size = self._position
        if self._seal is not None:
            self._seal.last = seal
        self.durable = min(self.durable, self._written)
        if before.segment is not None:
            cut_back(before.segment.fd, before.position, before.segment.path)
            sync_file(before.segment.fd, os.fsync, before.segment.path)


def _flags(frame: StagedFrame) -> int:
    return frames.HAS_COMMAND if frame.command else 0


def create_segment(directory: Path, header: SegmentHeader, index: SegmentIndex) -> Segment:
    """Begin a segment: when this returns, the file, its header and its directory entry are durable.

    Raises:
        DiskFull: there is no space; nothing is left of it.
        SyncFailed: the disk did not confirm.
    """
    path = directory / segment_name(header.first_sequence)
    fd = create_file(path)
    try:
        write_all(fd, encode_header(header), 0, path)
        sync_file(fd, os.fsync, path)
        sync_path(directory)
    except (DiskFull, SyncFailed):
        os.close(fd)
        path.unlink()
        raise
    return Segment(path, fd, header, index)
