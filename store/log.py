"""The event log in files: ties together staging, writing, the index and recovery."""

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from store.assembly import EventLogSteps, assemble, figures
from store.disk.files import make_directory
from store.disk.lock import DirectoryLock
from store.disk.ports import LogPorts, Sync
from store.erasing.erasure import Erased, Erasure
from store.errors import DiskFull, LogDamaged, StoreError
from store.format.retention_parts import whole_record
from store.format.retention_record import RetentionRecord
from store.interface import Log
from store.model.append import Append, Appended, Expected
from store.model.event import Event, NewEvent
from store.model.limits import Limits
from store.model.log_stats import LogStats
from store.model.query import Page, Query, as_query
from store.recovery.close_directory import close_cleanly
from store.recovery.load_segments import Progress, unseen
from store.retention.policy import Retention, Retired
from store.writing.fsync_policy import parse_policy
from store.writing.log_parts import LogParts


class EventLog(Log):
    """A durable, ordered log of events in a directory of its own; use `open`.

    Any thread may append and read: one commits at a time, and the others wait. Who takes `steps` stages, settles and
    reads in one thread; `steps.flush` and `sync` may run in another one meanwhile. A process that is forked from this
    one has no part in the log: there, whatever is asked of it is refused. Nothing checkpoints.

    Example:
        with EventLog.open(path) as log:
            log.append([NewEvent(type="note", data={"n": 1})], stream="s", expected_revision="no_stream")
            log.query(stream="s").events
    """

    def __init__(self, parts: LogParts) -> None:
        self._steps = EventLogSteps(parts)
        self._parts = parts
        self._writer = parts.writer
        self._committed = parts.committed
        if parts.lock is not None:
            parts.lock.when_lost = parts.lose

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        fsync: str = "group",
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        random_bytes: Callable[[int], bytes] = os.urandom,
        sync: Sync = os.fdatasync,
        limits: Limits | None = None,
        progress: Progress = unseen,
        seal_key: bytes | None = None,
        read_only: bool = False,
    ) -> Self:
        """Open the log in a directory, creating both if need be.

        Args:
            path: the directory.
            fsync: `always`, `group`, `interval:MS` or `never`.
            clock_ns: the wall clock, nanoseconds since 1970 UTC.
            random_bytes: returns so many random bytes.
            sync: makes a file descriptor's data durable or raises OSError.
            limits: sizes; None means the defaults.
            progress: is told how many bytes of how many have been indexed, if index files are missing.
            seal_key: the secret that every append is sealed with. A sealed log can be read without it.
            read_only: only read it: no lock is taken and no file is written, created or brought into order, so another
                process may be writing. Each query, and `head`, looks for what it has written meanwhile; the last of
                that may not have been acknowledged yet, and a crash can take it back.

        Raises:
            Invalid: the policy is unknown, or the log was sealed with another key.
            LogLocked: another process, or this one, has it open.
            LogDamaged: something that had been durable is unreadable, or a restore did not end; nothing was changed.
            OSError: there may be no such directory.
            DiskFull: an unclean stop needs space for a copy of the tail.
            SyncFailed: the disk did not confirm that copy.
        """
        policy = parse_policy(fsync)
        directory = Path(path)
        if not read_only:
            make_directory(directory)
        lock = None if read_only else DirectoryLock(directory)
        ports = LogPorts(clock_ns=clock_ns, random_bytes=random_bytes, sync=sync)
        try:
            log = cls(assemble(directory, lock, policy, limits or Limits(), ports, progress, seal_key))
            log._end_erasing()
        except BaseException as error:
            if lock is not None:
                lock.release()
            if isinstance(error, OSError) and error.errno == errno.EIO:
                raise LogDamaged(f"{directory} could not be read: {error}; check the disk, then start again") from error
            raise
        return log

    @property
    def steps(self) -> EventLogSteps:
        """The three steps of a commit, and retirements a step at a time."""
        return self._steps

    @property
    def retention_record(self) -> RetentionRecord:
        """What was retired."""
        while True:
            self._look()
            try:
                return whole_record(self.directory, self._committed.record)
            except FileNotFoundError:  # more is being retired
                continue

    @property
    def head(self) -> int:
        """The committed watermark: the last sequence that readers see, 0 for an empty log."""
        self._look()
        return self._committed.head

    @property
    def first_sequence(self) -> int:
        """The sequence that the log begins with: 1, or more once older events were retired."""
        self._look()
        return self._committed.last_retired + 1

    @property
    def epoch(self) -> str:
        """The log epoch, 16 hexadecimal digits: changes when a stop may have lost acknowledged events."""
        self._look()
        return self._parts.epoch_now.hex()

    @property
    def limits(self) -> Limits:
        """The sizes that the log refuses to exceed."""
        return self._parts.limits

    def step(self) -> bool:
        """Do about a millisecond of the work that waits for a quiet moment; say whether there is more.

        It is the index files of complete segments. A commit does some each time, so calling this is never necessary;
        blocking, safe in a thread.

        Raises:
            SyncFailed: the disk did not confirm; the log does no more work.
        """
        self._steps.refuse_if_unusable()
        self._writer.guarded(self._parts.index_file_queue.step)
        return self._parts.index_file_queue.pending

    def _append_quickly(
        self, events: Sequence[NewEvent], stream: str | None, agent: str, expected: Expected
    ) -> Appended | None:
        return self._steps.commit_quickly(events, stream, agent, expected)

    def commit(self, appends: Sequence[Append]) -> list[Appended | StoreError]:
        """Stage, flush and settle appends as one group; see `Log.commit`.

        An exception from outside, such as Ctrl-C, takes the group back, or else the log does no more work.
        """
        return self._steps.commit(appends)

    def query(
        self, query: Query | None = None, *, max_scan: int | None = None, onto: Page | None = None, **filters: Any
    ) -> Page:
        """Answer a query, given whole or by the fields of `Query`; see `Log.query`."""
        self._steps.refuse_if_unusable()
        self._look()
        asked, limits, follower = as_query(query, filters), self._parts.limits, self._parts.follower
        if follower is None:
            return self._committed.query(asked, limits, max_scan, onto)
        return follower.steadily(lambda: self._committed.query(asked, limits, max_scan, onto))

    def _read_all(self, after: int, *, skip_gone: bool) -> Iterator[Event]:
        """Yield every committed event after a sequence, in order; see `Log.read`."""
        before = None
        while after != before:
            self._steps.refuse_if_unusable()
            self._look()
            before = after
            try:
                for events in self._committed.read(after, skip_gone=skip_gone):
                    yield from events
                    after = events[-1].sequence if events else after
                    self._steps.refuse_if_unusable()
            except LogDamaged:
                if self._parts.follower is None or not self._parts.follower.mended():
                    raise
                before = None

    def epoch_end(self, epoch: str) -> int:
        """Return the last sequence that was stored in an epoch, as far as this log goes; 0 if it does not know it."""
        self._look()
        return self._committed.epoch_end(epoch)

    def stream_revision(self, stream: str) -> int:
        """Return a stream's revision, 0 if it does not exist; what is staged counts."""
        self._look()
        return self._parts.table.revision(stream)

    def stats(self) -> LogStats:
        """Return the log in figures."""
        self._look()
        return figures(self._parts, self._steps.commits)

    @property
    def directory(self) -> Path:
        """Where the log's files are."""
        return self._parts.directory

    def sync_due(self) -> bool:
        """Say whether, with `interval:MS`, something has waited for its fsync for that long."""
        return self._writer.sync_due()

    def sync(self) -> None:
        """Make everything flushed durable now; blocking, safe in a thread.

        Raises:
            Invalid: the log is closed, or is only read.
            SyncFailed: the disk did not confirm; the log does no more work.
        """
        self._steps.refuse_if_unusable()
        if self._parts.lock is None:
            self._steps.refuse_changes()
        self._writer.sync()

    def retire(self, retention: Retention, *, archive: str | os.PathLike[str] | None = None) -> Retired:
        """Retire the oldest complete segments, packed into an archive or dropped.

        Queries, reads and append conditions then see what is left; sequences and revisions go on.

        Raises:
            Invalid: the policy says nothing, the archive has such a segment of another log, or the log is sealed and
                was opened without its key.
            LogDamaged: a segment that should leave is damaged; nothing was changed.
            DiskFull: there is no space for the archive; nothing has left.
            SyncFailed: the disk did not confirm; what has left will be known when the log is opened again.
        """
        retirement = self._steps.retirement(retention, archive=archive)
        with self._writer.lock:
            while retirement.prepare():
                retirement.hide()
                retirement.remove()
        return retirement.retired

    def erase(self, stream: str, *, agent: str = "local") -> Erased:
        """Erase what the events of a stream hold; see `Log.erase`. Other threads that append wait for it."""
        with self._writer.lock:
            return super().erase(stream, agent=agent)

    def erasing(self, stream: str, *, agent: str = "local") -> Erasure:
        """Begin to erase a stream, a step at a time; see `Log.erasing`."""
        return self._steps.erasing(stream, agent=agent)

    def _end_erasing(self) -> None:
        """Go on with an erasing that a stop has cut off; where that cannot be, the next opening does."""
        if (begun := self._steps.cut_off()) is not None:
            with suppress(DiskFull, LogDamaged):
                self.erase(begun.stream, agent=begun.agent)

    def close(self) -> None:
        """Sync, leave the note of a clean stop, and give the directory up; once is enough, twice does no harm.

        Raises:
            DiskFull: the note did not fit; nothing is lost, the next start checks the log.
            SyncFailed: the disk did not confirm.
        """
        with self._writer.lock:
            if self._steps.closed:
                return
            self._steps.closed = True
            try:
                if self._parts.lock is not None:
                    self._steps.end_if_midway()
                    close_cleanly(self._parts)
            finally:
                self._committed.close()
                if self._parts.mark is not None:
                    self._parts.mark.close()
                if self._parts.lock is not None:
                    self._parts.lock.release()

    def _look(self) -> None:
        """Look for what another process has written, if the log is only read."""
        if self._parts.follower is not None and not self._steps.closed:
            self._parts.follower.look()
