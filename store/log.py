"""The event log in files: ties together staging, writing, the index and recovery."""

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from store.assembly import Parts, figures, put_together
from store.disk.files import make_directory
from store.disk.lock import DirectoryLock
from store.disk.ports import Ports, Sync
from store.errors import Invalid, LogDamaged, StoreError, SyncFailed, TooLarge
from store.format.retention_record import Gone
from store.interface import Log, LogStats
from store.model.append import Append, Appended
from store.model.event import Event
from store.model.limits import Limits
from store.model.query import Page, Query, as_query
from store.recovery.clean_close import leave
from store.recovery.load_segments import Progress, unseen
from store.retention.retire import Retention, Retired, check_retention
from store.retention.walk import LettingGo
from store.writing.fsync_policy import parse_policy
from store.writing.staged_group import Staged

_BYTES_A_STEP = 1 << 19
"""For how many bytes written a step of sealing is done: so sealing keeps up with any load, and no append waits long."""


class EventLog(Log):
    """A durable, ordered log of events in a directory of its own; use `open`.

    One thread stages, settles and reads; `flush` and `sync` may run in another one meanwhile. Nothing checkpoints.

    Example:
        with EventLog.open(path) as log:
            log.append([NewEvent(type="note", data={"n": 1})], stream="s", expected_revision="no_stream")
            log.query(stream="s").events
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._writer = parts.writer
        self._stager = parts.stager
        self._committed = parts.committed
        self._sealer = parts.sealer
        self._commits = 0
        self._closed = False

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

        Raises:
            Invalid: the policy is unknown, or the log was sealed with another key.
            LogLocked: another process, or this one, has it open.
            LogDamaged: something that had been durable is unreadable; nothing was changed.
            OSError: there may be no such directory.
            DiskFull: an unclean stop needs space for a copy of the tail.
            SyncFailed: the disk did not confirm that copy.
        """
        policy = parse_policy(fsync)
        directory = Path(path)
        make_directory(directory)
        lock = DirectoryLock(directory)
        ports = Ports(clock_ns=clock_ns, random_bytes=random_bytes, sync=sync)
        try:
            return cls(put_together(directory, lock, policy, limits or Limits(), ports, progress, seal_key))
        except BaseException as error:
            lock.release()
            if isinstance(error, OSError) and error.errno == errno.EIO:
                raise LogDamaged(f"{directory} could not be read: {error}; check the disk, then start again") from error
            raise

    @property
    def gone(self) -> Gone:
        """What the log has given up."""
        return self._committed.record

    @property
    def head(self) -> int:
        """The committed watermark: the last sequence that readers see, 0 for an empty log."""
        return self._committed.head

    @property
    def first_sequence(self) -> int:
        """The sequence that the log begins with: 1, or more once `retain` has given up older events."""
        return self._committed.gone + 1

    @property
    def epoch(self) -> str:
        """The log epoch, 16 hexadecimal digits: changes when a stop may have lost acknowledged events."""
        return self._parts.epoch.hex()

    @property
    def limits(self) -> Limits:
        """The sizes that the log refuses to exceed."""
        return self._parts.limits

    def stage(self, appends: Sequence[Append], cleared: Sequence[int] = ()) -> Staged:
        """Check and encode appends without I/O but for reading; what is staged counts for the next ones' conditions.

        Raises:
            Invalid: the log is sealed and was opened without its key.
            SyncFailed: the log does no more work.
        """
        self._refuse_if_unusable()
        self._refuse_if_unsealed()
        needs_sync = self._writer.policy.before_acknowledging
        return self._stager.stage(appends, cleared, now_ns=self._parts.ports.clock_ns(), needs_sync=needs_sync)

    def flush(self, staged: Staged) -> None:
        """Write a staged group and fsync it as the policy says; blocking, safe in a thread, in the order of staging.

        Raises:
            DiskFull: there is no space; `settle` then takes back everything staged and returns it as the outcome.
            SyncFailed: the disk did not confirm; the log does no more work.
        """
        self._writer.flush(staged)
        if self._sealer.pending:
            for _ in range(1 + sum(len(frame.body) for frame in staged.frames) // _BYTES_A_STEP):
                self._writer.guarded(self._sealer.step)

    def step(self) -> bool:
        """Do about a millisecond of the work that waits for a quiet moment; say whether there is more.

        It is the sealing of segments that are complete. `flush` does some each time, so calling this is never
        necessary; blocking, safe in a thread.

        Raises:
            SyncFailed: the disk did not confirm; the log does no more work.
        """
        self._refuse_if_unusable()
        self._writer.guarded(self._sealer.step)
        return self._sealer.pending

    def settle(self, staged: Staged) -> list[Appended | StoreError]:
        """Show a flushed group to readers, or take back all that is staged if a write failed; in the order of staging.

        Raises:
            SyncFailed: the log does no more work.
        """
        self._refuse_if_unusable()
        self._writer.after_failure(self._stager.take_back)
        if (failure := staged.failure) is not None:
            return [outcome if isinstance(outcome, Invalid | TooLarge) else failure for outcome in staged.outcomes]
        self._stager.settle(staged)
        self._committed.show(staged)
        self._commits += 1
        return staged.outcomes

    def query(
        self, query: Query | None = None, *, max_scan: int | None = None, onto: Page | None = None, **filters: Any
    ) -> Page:
        """Answer a query, given whole or by the fields of `Query`; see `Log.query`."""
        self._refuse_if_unusable()
        return self._committed.query(as_query(query, filters), self._parts.limits.page_bytes, max_scan, onto)

    def read(self, after: int = 0) -> Iterator[Event]:
        """Yield every committed event after a sequence, in order; those committed meanwhile too.

        Raises:
            LogDamaged: an event's bytes changed since the log was opened.
        """
        self._refuse_if_unusable()
        for events in self._committed.read(after):
            yield from events
            self._refuse_if_unusable()

    def stream_revision(self, stream: str) -> int:
        """Return a stream's revision, 0 if it does not exist; what is staged counts."""
        return self._parts.heads.revision(stream)

    def stats(self) -> LogStats:
        """Return the log in figures."""
        return figures(self._parts, self._commits)

    def sync_due(self) -> bool:
        """Say whether, with `interval:MS`, something has waited for its fsync for that long."""
        return self._writer.sync_due()

    def sync(self) -> None:
        """Make everything flushed durable now; blocking, safe in a thread.

        Raises:
            Invalid: the log is closed.
            SyncFailed: the disk did not confirm; the log does no more work.
        """
        self._refuse_if_unusable()
        self._writer.sync()

    def retain(self, retention: Retention, *, archive: str | os.PathLike[str] | None = None) -> Retired:
        """Give up the oldest sealed segments, packed into an archive or dropped; raises what `retire` raises.

        Queries, reads and append conditions then see what is left; sequences and revisions go on.
        """
        walk = self.letting_go(retention, archive=archive)
        while walk.prepare():
            walk.forget()
            walk.remove()
        return walk.retired

    def letting_go(self, retention: Retention, *, archive: str | os.PathLike[str] | None = None) -> LettingGo:
        """Do the same a segment at a time, while the log goes on.

        Raises:
            Invalid: the policy says nothing, or the log is sealed and was opened without its key.
        """
        self._refuse_if_unusable()
        self._refuse_if_unsealed()
        check_retention(retention)
        return LettingGo(self._parts, retention, None if archive is None else Path(archive))

    def close(self) -> None:
        """Sync, leave the marker of a clean stop, and give the directory up; once is enough, twice does no harm.

        Raises:
            DiskFull: the marker did not fit; nothing is lost, the next start checks the log.
            SyncFailed: the disk did not confirm.
        """
        if self._closed:
            return
        self._closed = True
        try:
            leave(self._parts)
        finally:
            self._committed.close()
            self._parts.mark.close()
            self._parts.lock.release()

    def _refuse_if_unusable(self) -> None:
        if self._writer.broken:
            raise SyncFailed(*self._writer.broken.args)
        if self._closed:
            raise Invalid("the log is closed: open it again")

    def _refuse_if_unsealed(self) -> None:
        if self._parts.seal is None and self._committed.sealed:
            raise Invalid(f"the log in {self._parts.directory} is sealed: open it with its key to change it")
