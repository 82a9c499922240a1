"""The three steps of a commit: stage, flush, settle.

They are apart for a caller who prepares a group while the one before is on its way to the disk, in another thread.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from store.errors import Invalid, StoreError, SyncFailed, TooLarge
from store.model.append import Append, Appended
from store.writing.log_parts import LogParts
from store.writing.staged_group import Staged

_BYTES_A_STEP = 1 << 19
"""For how many bytes written a step of an index file is taken: so these keep up with any load, and no append waits."""


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
            DiskFull: there is no space; `settle` then takes back everything staged and returns it as the outcome.
            SyncFailed: the disk did not confirm; the log does no more work.
        """

    @abstractmethod
    def settle(self, staged: Staged) -> list[Appended | StoreError]:
        """Show a flushed group to readers, or take back all that is staged if a write failed; in the order of staging.

        Raises:
            Invalid: the log is closed.
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

    def stage(self, appends: Sequence[Append], cleared: Sequence[int] = ()) -> Staged:
        """Check and encode appends; see `CommitSteps.stage`."""
        self.refuse_if_unusable()
        self.refuse_without_key()
        needs_sync = self._writer.policy.before_acknowledging
        return self._stager.stage(appends, cleared, now_ns=self._parts.ports.clock_ns(), needs_sync=needs_sync)

    def flush(self, staged: Staged) -> None:
        """Write a staged group and fsync it as the policy says; see `CommitSteps.flush`."""
        self._writer.flush(staged)
        if self._index_file_queue.pending:
            for _ in range(1 + sum(len(frame.body) for frame in staged.frames) // _BYTES_A_STEP):
                self._writer.guarded(self._index_file_queue.step)

    def settle(self, staged: Staged) -> list[Appended | StoreError]:
        """Show a flushed group to readers, or take back what failed; see `CommitSteps.settle`."""
        self.refuse_if_unusable()
        self._writer.after_failure(self._stager.take_back)
        if (failure := staged.failure) is not None:
            return [outcome if isinstance(outcome, Invalid | TooLarge) else failure for outcome in staged.outcomes]
        self._stager.settle(staged)
        self._committed.show(staged.frames, staged.written)
        self.commits += 1
        return staged.outcomes

    def refuse_if_unusable(self) -> None:
        """Refuse work on a log that is closed, or whose disk has failed.

        Raises:
            Invalid: it is closed.
            SyncFailed: the disk has failed.
        """
        if self._writer.broken:
            raise SyncFailed(*self._writer.broken.args)
        if self.closed:
            raise Invalid("the log is closed: open it again")

    def refuse_without_key(self) -> None:
        """Refuse to change a sealed log without its key.

        Raises:
            Invalid: it is sealed, and was opened without its key.
        """
        if self._parts.seal is None and self._committed.sealed:
            raise Invalid(f"the log in {self._parts.directory} is sealed: open it with its key to change it")
