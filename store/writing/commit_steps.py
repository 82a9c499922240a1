"""The three steps of a commit: stage, flush, settle.

They are apart for a caller who prepares a group while the one before is on its way to the disk, in another thread.

An exception may come from outside between any two lines: Ctrl-C, a signal handler's, one for want of memory. A group
that it meets in memory is taken back. Where that cannot be known to have worked, the log does no more work, and what
is on disk is what a crash at that moment would leave. Nothing of that depends on a handler that might be interrupted
in its turn: a step that began and did not end is seen by the next one.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from store.errors import DiskFull, Invalid, StoreError, TooLarge
from store.model.append import Append, Appended, Expected
from store.model.event import NewEvent
from store.writing.log_parts import LogParts
from store.writing.quick_append import QuickAppends
from store.writing.staged_group import Staged

_BYTES_A_STEP = 1 << 18
"""For how many bytes written a step of an index file is taken: so these keep up with any load, and no append waits.

A segment of events of 200 bytes takes some 120 steps, and is filled by 16 appends or more.
"""


class CommitSteps(ABC):
    """What `commit` does, a step at a time; one thread stages and settles, `flush` may run in another one."""

    @abstractmethod
    def stage(self, appends: Sequence[Append], cleared: Sequence[int] = ()) -> Staged:
        """Check and encode appends without I/O but for reading; what is staged counts for the next ones' conditions.

        Args:
            appends: what to append.
            cleared: for each of them, up to which sequence no event is known to match its `fail_if`; empty if nothing
                is known. A caller who has looked already, a slice at a time, spares this from looking at it all.

        Raises:
            Invalid: the log is closed, or it is sealed and was opened without its key.
            SyncFailed: the log does no more work.
        """

    @abstractmethod
    def flush(self, staged: Staged) -> None:
        """Make a staged group as durable as the policy says; blocking, safe in a thread, in the order of staging.

        Raises:
            Invalid: a group that was staged before it has not been flushed; nothing was written.
            DiskFull: there is no space; `settle` then takes back everything staged and returns it as the outcome.
            SyncFailed: the disk did not confirm; the log does no more work.
        """

    @abstractmethod
    def settle(self, staged: Staged) -> list[Appended | StoreError]:
        """Show a flushed group to readers, or take back all that is staged if a write failed; in the order of staging.

        Raises:
            Invalid: the log is closed, or it is not this group's turn.
            SyncFailed: the log does no more work.
        """


class FileCommitSteps(CommitSteps):
    """The steps of a log in files.

    Attributes:
        commits: how many groups were settled.
        closed: whether the log was closed.
    """

    def __init__(self, parts: LogParts) -> None:
        self.commits = 0
        self.closed = False
        self._parts = parts
        self._writer = parts.writer
        self._stager = parts.stager
        self._committed = parts.committed
        self._index_file_queue = parts.index_file_queue
        self._midway = False
        alone = parts.follower is None and parts.writer.policy.kind == "never"
        self._quick = QuickAppends(parts, parts.stager.quick) if alone else None

    def commit(self, appends: Sequence[Append]) -> list[Appended | StoreError]:
        """Take the three steps one after the other, one thread at a time; see `Log.commit`."""
        writer = self._writer
        with writer.lock:
            self._refuse_if_midway()
            if self._stager.waiting:
                raise Invalid("a group that was staged by itself is not settled yet: settle it, then commit")
            self._midway = True
            try:
                staged = self._stage(appends, ())
                try:
                    writer.put(staged)
                    self._index(staged)
                except DiskFull:
                    outcomes = self._settle(staged)
                else:
                    outcomes = self._settle(staged)
                    if writer.sync_due():
                        writer.sync()
            except BaseException as error:
                self._stop(error)
                raise
            self._midway = False
            return outcomes

    def commit_quickly(
        self, events: Sequence[NewEvent], stream: str | None, agent: Any, expected: Expected
    ) -> Appended | None:
        """Commit an append without more conditions in one go; None, and nothing is stored, if it needs another way."""
        if self._quick is None:
            return None
        with self._writer.lock:
            if self.closed or self._midway or self._stager.waiting or self._index_file_queue.pending:
                return None
            self._midway = True
            try:
                appended = self._quick.append(events, stream, agent, expected)
            except BaseException as error:
                self._writer.end(error)
                raise
            self._midway = False
            self.commits += appended is not None
            return appended

    def stage(self, appends: Sequence[Append], cleared: Sequence[int] = ()) -> Staged:
        """Check and encode appends; see `CommitSteps.stage`."""
        self._refuse_if_midway()
        self._midway = True
        staged = self._stage(appends, cleared)
        self._midway = False
        return staged

    def flush(self, staged: Staged) -> None:
        """Write a staged group and fsync it as the policy says; see `CommitSteps.flush`."""
        self._writer.flush(staged)
        self._index(staged)

    def settle(self, staged: Staged) -> list[Appended | StoreError]:
        """Show a flushed group to readers, or take back what failed; see `CommitSteps.settle`."""
        self._refuse_if_midway()
        self._midway = True
        try:
            outcomes = self._settle(staged)
        except Invalid:
            self._midway = False
            raise
        except BaseException as error:
            self._writer.end(error)
            raise
        self._midway = False
        return outcomes

    def end_if_midway(self) -> None:
        """Write nothing any more if a step did not come to its end."""
        if self._midway:
            self._writer.end(InterruptedError("an append was interrupted"))

    def _stage(self, appends: Sequence[Append], cleared: Sequence[int]) -> Staged:
        needs_sync = self._writer.policy.before_acknowledging
        try:
            return self._stager.stage(appends, cleared, now_ns=self._parts.ports.clock_ns(), needs_sync=needs_sync)
        except BaseException as error:
            if not self._stager.sound:
                self._writer.end(error)
            self._midway = False
            raise

    def _index(self, staged: Staged) -> None:
        if self._index_file_queue.pending:
            size = sum(len(frame.body) for frame in staged.frames)
            behind = self._index_file_queue.waiting + self._parts.table.streams.behind
            for _ in range((1 + size // _BYTES_A_STEP) * (1 + behind)):
                self._writer.guarded(self._index_file_queue.step)

    def _settle(self, staged: Staged) -> list[Appended | StoreError]:
        self._writer.after_failure(self._stager.take_back)
        if (failure := staged.failure) is not None:
            return [outcome if isinstance(outcome, Invalid | TooLarge) else failure for outcome in staged.outcomes]
        self._stager.settle(staged)
        self.commits += 1
        return staged.outcomes

    def _stop(self, error: BaseException) -> None:
        """Take back what an exception met in memory, if it can be; else write nothing any more."""
        if self._writer.broken is None and self._stager.sound:
            self._writer.after_failure(self._stager.take_back)
            self._stager.take_back(Invalid(f"the append was interrupted: {error!r}; nothing was stored"))
        if not self._stager.sound or self._stager.waiting:
            self._writer.end(error)
        self._midway = False

    def _refuse_if_midway(self) -> None:
        self.refuse_if_unusable()
        self.refuse_changes()
        if self._midway:
            raise Invalid(
                "an append is under way in this thread, or was interrupted: nothing was stored. Append outside of "
                "signal handlers; if this is none, close the log and open it again"
            )

    def refuse_if_unusable(self) -> None:
        """Refuse work on a log that is closed, or whose disk has failed.

        Raises:
            Invalid: it is closed.
            SyncFailed: the disk has failed, or an append was interrupted.
            LogLocked: it was opened before this process was forked.
        """
        if self._writer.broken:
            raise self._writer.broken.with_traceback(None)
        if self.closed:
            raise Invalid("the log is closed: open it again")

    def refuse_changes(self) -> None:
        """Refuse to change a log that was opened to be read alone, or a sealed one without its key.

        Raises:
            Invalid: it is so.
        """
        if self._parts.lock is None:
            raise Invalid(f"the log in {self._parts.directory} was opened read-only: open it to write, to change it")
        if self._parts.seal is None and self._committed.sealed:
            raise Invalid(f"the log in {self._parts.directory} is sealed: open it with its key to change it")
