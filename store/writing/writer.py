"""The writing side: one group at a time, and what a failure means for those that follow."""

import threading
from collections.abc import Callable

from store.errors import DiskFull, Invalid, StoreError, SyncFailed
from store.format.clean_stop import CleanStop
from store.reading.segment_reader import Segment
from store.writing.staged_group import Staged
from store.writing.tail import Place, Tail


class Writer:
    """Guards the end of the log: safe to run in a thread next to readers.

    A full disk blocks it until what was staged on top of the failed group is taken back too. After anything else that
    goes wrong nobody knows what the disk holds, so it is broken for good.

    Args:
        tail: the end of the log.

    Attributes:
        policy: when groups are synced.
        broken: why nothing will be written any more.
        lock: whoever writes holds it, and whoever commits does so from staging to settling.
    """

    def __init__(self, tail: Tail) -> None:
        self.policy = tail.policy
        self.broken: StoreError | None = None
        self.lock = threading.RLock()
        self._tail = tail
        self._blocked: DiskFull | None = None

    @property
    def durable(self) -> int:
        """The last sequence that is known to be durable."""
        return self._tail.durable

    @property
    def syncs(self) -> int:
        """How many times data was synced."""
        return self._tail.syncs

    @property
    def total_bytes(self) -> int:
        """The size of all segments, without the holes behind their last frames."""
        return self._tail.total_bytes

    def clean_stop(self) -> CleanStop:
        """Return what a clean stop now would leave; there must be a segment."""
        return self._tail.clean_stop()

    def sync_due(self) -> bool:
        """Say whether, with `interval:MS`, something has waited for its fsync for that long."""
        return self._tail.sync_due()

    def after_failure(self, take_back: Callable[[StoreError], None]) -> None:
        """If the last write was taken back, have the rest of what is staged taken back, and allow writing again."""
        if self._blocked is not None:
            with self.lock:
                take_back(self._blocked)
                self._blocked = None

    def flush(self, staged: Staged) -> None:
        """Write a group, and sync it if the policy wants that before it is acknowledged.

        Raises:
            Invalid: it is not the next one in the order of staging; nothing was written.
            DiskFull: there is no space; nothing of the group is left on disk.
            SyncFailed: the disk did not confirm; the writer is broken for good.
        """
        with self.lock:
            self.put(staged)

    def put(self, staged: Staged) -> None:
        """Do what `flush` does, for whoever holds the lock."""
        if failure := self.broken or staged.failure or self._blocked:
            raise failure.with_traceback(None)
        if staged.frames and staged.frames[0].first_sequence != self._tail.written + 1:
            raise Invalid(
                f"event {staged.frames[0].first_sequence} does not follow event {self._tail.written}, the last one "
                "that was written: flush groups in the order in which they were staged, or open the log again"
            )
        before = self._tail.place()
        try:
            self._tail.write(staged)
            staged.flushed = True
        except DiskFull as error:
            self._take_back(staged, before)
            self._blocked = error
            raise
        except SyncFailed as error:
            self.broken = error
            raise
        except Exception as error:
            # Whatever it is: the group is neither whole on disk nor taken back, so nothing may follow it.
            self.end(error)
            assert self.broken is not None
            raise self.broken from error
        except BaseException as error:
            self.end(error)
            raise

    def put_alone(self, body: bytes, first: int, last: int, time_ns: int) -> tuple[Segment, int] | None:
        """Write one frame without a command and without a sync, for whoever holds the lock.

        Returns:
            Its segment, and the byte at which it begins; None if nothing was written, for whatever reason: `put` tells.

        Raises:
            SyncFailed: what was written of it could not be removed. Whatever is raised, the caller ends the writer.
        """
        if self.broken or self._blocked or first != self._tail.written + 1:
            return None
        return self._tail.write_alone(body, first, last, time_ns)

    def end(self, error: BaseException) -> None:
        """Write nothing any more: an exception came from outside, as Ctrl-C does, and nobody knows what it stopped."""
        self.broken = self.broken or SyncFailed(
            f"{self._tail.directory} could not be written: {error!r}; "
            "whether what was being appended is stored is unknown: start again"
        )

    def lose(self, why: StoreError) -> None:
        """Write nothing any more: the log belongs to another process; its threads, and their locks, are not here."""
        self.broken, self.lock = why, threading.RLock()

    def sync(self) -> None:
        """Make everything written durable.

        Raises:
            SyncFailed: the disk did not confirm; the writer is broken for good.
        """
        with self.lock:
            if self.broken:
                raise self.broken.with_traceback(None)
            self.guarded(self._tail.sync)

    def begin_changes(self) -> None:
        """Take away what a clean stop left, which holds only until something changes.

        Raises:
            SyncFailed: the disk did not confirm; the writer is broken for good.
        """
        with self.lock:
            self.guarded(self._tail.begin_changes)

    def trim(self) -> None:
        """Let the file end behind the last frame; the next sync makes that durable.

        Raises:
            SyncFailed: the operating system refused; the writer is broken for good.
        """
        with self.lock:
            self.guarded(self._tail.trim)

    def shrink(self, size: int) -> None:
        """Count so many bytes of segments as retired."""
        with self.lock:
            self._tail.total_bytes -= size

    def guarded(self, work: Callable[[], object]) -> None:
        """Do work, also on derived files; if the disk does not confirm it, the writer is broken.

        Raises:
            SyncFailed: the disk did not confirm.
        """
        try:
            work()
        except SyncFailed as error:
            self.broken = error
            raise
        except StoreError:
            raise
        except BaseException as error:
            self.end(error)
            raise

    def _take_back(self, staged: Staged, before: Place) -> None:
        """Remove what was written of a group; what cannot be removed for want of anything may not be followed."""
        try:
            self._tail.go_back(staged, before)
        except StoreError as error:
            self.broken = SyncFailed(f"{self._tail.directory}: an append that failed could not be removed: {error}")
            raise self.broken from error
        except BaseException as error:
            self.end(error)
            raise
