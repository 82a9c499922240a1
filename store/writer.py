"""The writing side: frames into segments, synced as the policy says. Safe to run in a thread next to readers."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from store import frame as frames
from store import segment as segments
from store.durability import FsyncPolicy, Sync, sync_directory, sync_file, write_all, write_error
from store.errors import DiskFull, SyncFailed
from store.limits import Limits
from store.marker import remove_marker
from store.reader import Segment
from store.segment import SegmentHeader
from store.staging import Staged, StagedFrame


class Writer:
    """Appends frames to the last segment, and begins the next one when it is full.

    Attributes:
        lock: held while the disk is worked on; whoever takes back what is staged holds it too.
        durable: the last sequence that is known to be durable.
        blocked: why the last write was taken back; while set, nothing is written.
        broken: why nothing will be written any more.
        syncs: how many times data was synced.
    """

    def __init__(
        self,
        directory: Path,
        *,
        policy: FsyncPolicy,
        limits: Limits,
        sync: Sync,
        clock_ns: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        epoch: bytes,
        last: int,
        segment: Segment | None,
    ) -> None:
        self.lock = threading.Lock()
        self.durable = last
        self.blocked: DiskFull | None = None
        self.broken: SyncFailed | None = None
        self.syncs = 0
        self.last_sync_ns = clock_ns()
        self.policy = policy
        self._directory = directory
        self._limits = limits
        self._sync = sync
        self._clock_ns = clock_ns
        self._random_bytes = random_bytes
        self._epoch = epoch
        self._written = last
        self._segment = segment
        self._position = os.fstat(segment.fd).st_size if segment else 0
        self._unsynced: list[Segment] = []
        self._marked = True

    @property
    def position(self) -> int:
        """Where the last segment ends, in bytes."""
        return self._position

    def flush(self, staged: Staged) -> None:
        """Write a group, and sync it if the policy wants that before it is acknowledged.

        Raises:
            DiskFull: there is no space; nothing of the group is left on disk.
            SyncFailed: the disk did not confirm; the writer is broken for good.
        """
        with self.lock:
            self._refuse_if_unable(staged)
            before = self._segment, self._position, self._written
            try:
                self._write_group(staged)
            except DiskFull as error:
                self._unless_broken(lambda: self._cut_back(staged, *before))
                self.blocked = error
                raise
            except SyncFailed as error:
                self.broken = error
                raise
            staged.flushed = True

    def sync(self) -> None:
        """Make everything written durable.

        Raises:
            SyncFailed: the disk did not confirm; the writer is broken for good.
        """
        with self.lock:
            if self.broken:
                raise self.broken
            self._unless_broken(self._sync_written)

    def _refuse_if_unable(self, staged: Staged) -> None:
        for failure in (self.broken, staged.failure, self.blocked):
            if failure is not None:
                raise failure

    def _unless_broken(self, work: Callable[[], None]) -> None:
        try:
            work()
        except SyncFailed as error:
            self.broken = error
            raise

    def _write_group(self, staged: Staged) -> None:
        if self._marked and staged.frames:
            remove_marker(self._directory)
            self._marked = False
        each = self.policy.kind == "always"
        parts: list[bytes] = []
        for frame in staged.frames:
            size = frames.HEADER_BYTES + len(frame.body)
            pending = sum(map(len, parts)) if parts else 0
            if self._segment is None or self._position + pending + size > self._limits.segment_bytes:
                self._write(parts)
                self._begin_segment(frame.first_sequence)
                pending = 0
            assert self._segment is not None
            staged.places.append((self._segment, self._position + pending))
            parts += (self._header(frame), frame.body)
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
            flags=frames.HAS_COMMAND if frame.command else 0,
            count=frame.count,
            first_sequence=frame.first_sequence,
            durable=self.durable,
            time_ns=frame.time_ns,
        )

    def _write(self, parts: list[bytes]) -> None:
        if parts:
            assert self._segment is not None
            data = b"".join(parts)
            write_all(self._segment.fd, data, self._position, self._segment.path)
            self._position += len(data)
            parts.clear()

    def _sync_written(self) -> None:
        for segment in (*self._unsynced, self._segment):
            if segment is not None:
                sync_file(segment.fd, self._sync, segment.path)
        self._unsynced.clear()
        self.syncs += 1
        self.durable = self._written
        self.last_sync_ns = self._clock_ns()

    def _begin_segment(self, first_sequence: int) -> None:
        if self._segment is not None:
            if self.policy.kind == "never":
                self._unsynced.append(self._segment)
            else:
                self._sync_written()
        header = SegmentHeader(
            first_sequence=first_sequence,
            durable=self.durable,
            created_ns=self._clock_ns(),
            salt=self._random_bytes(segments.SALT_BYTES),
            epoch=self._epoch,
        )
        self._segment = create_segment(self._directory, header)
        self._position = segments.HEADER_BYTES

    def _cut_back(self, staged: Staged, segment: Segment | None, position: int, written: int) -> None:
        """Remove what was written of a group."""
        created = {id(place): place for place, _ in staged.places if place is not segment}
        if self._segment is not None and self._segment is not segment:
            created[id(self._segment)] = self._segment
        for new in created.values():
            new.close()
            new.path.unlink()
        if created:
            sync_directory(self._directory)
        staged.places.clear()
        self._unsynced = [kept for kept in self._unsynced if kept is not segment and id(kept) not in created]
        self._segment, self._position, self._written = segment, position, written
        if segment is not None:
            try:
                os.ftruncate(segment.fd, position)
            except OSError as error:
                raise SyncFailed(f"{segment.path} could not be cut back: {error.strerror}; check the disk") from error
            sync_file(segment.fd, os.fdatasync, segment.path)


def create_segment(directory: Path, header: SegmentHeader) -> Segment:
    """Begin a segment: when this returns, the file, its header and its directory entry are durable.

    Raises:
        DiskFull: there is no space; nothing is left of it.
        SyncFailed: the disk did not confirm.
    """
    path = directory / segments.segment_name(header.first_sequence)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise write_error(error, path) from error
    try:
        write_all(fd, segments.encode_header(header), 0, path)
        sync_file(fd, os.fsync, path)
        sync_directory(directory)
    except (DiskFull, SyncFailed):
        os.close(fd)
        path.unlink()
        raise
    return Segment(path, fd, header)
