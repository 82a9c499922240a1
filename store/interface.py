"""What a log can do, whatever keeps it: files or memory."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec

from store.errors import DiskFull, StoreError
from store.model.append import Append, Appended, Expected, FailIf
from store.model.event import Event, NewEvent
from store.model.query import Page, Query
from store.writing.staged_group import Staged


class LogStats(msgspec.Struct, frozen=True, kw_only=True):
    """A log in figures.

    Attributes:
        first_sequence: the sequence that the log begins with.
        head: the last committed sequence.
        durable: the last sequence known to be durable; 0 in memory.
        streams: how many streams there are.
        segments: how many segment files.
        bytes: the size of all segment files.
        commits: groups settled since the log was opened.
        syncs: fsyncs of data since the log was opened.
        commands: command ids remembered.
        fsync: the policy, `none` in memory.
        epoch: the log epoch.
        lost: how many events had been acknowledged and could not be read when the log was opened.
    """

    first_sequence: int
    head: int
    durable: int
    streams: int
    segments: int
    bytes: int
    commits: int
    syncs: int
    commands: int
    fsync: str
    epoch: str
    lost: int = 0


class Log(Protocol):
    """What every log does. `stage`, `flush` and `settle` are what each does in its own way.

    Everything is synchronous; nothing checkpoints.
    """

    @property
    def head(self) -> int:
        """The committed watermark: the last sequence that readers see, 0 for an empty log."""
        ...

    @property
    def first_sequence(self) -> int:
        """The sequence that the log begins with, or will; more than 1 if it has given up older events."""
        ...

    @property
    def epoch(self) -> str:
        """Changes when a stop may have lost acknowledged events: a cursor of another epoch may be ahead of the log."""
        ...

    def commit(self, appends: Sequence[Append]) -> list[Appended | StoreError]:
        """Stage, flush and settle appends as one group: one write and, with `group`, one fsync.

        Returns:
            For each append its result or its error: `Invalid`, `TooLarge`, `RevisionConflict`, `ConditionFailed`, or
            `DiskFull` for all of them. A later append of the group sees what the earlier ones did.

        Raises:
            SyncFailed: the disk did not confirm; the outcome is unknown and the log does no more work.
        """
        staged = self.stage(appends)
        try:
            self.flush(staged)
        except DiskFull:
            return self.settle(staged)
        outcomes = self.settle(staged)
        if self.sync_due():
            self.sync()
        return outcomes

    def append(
        self,
        events: list[NewEvent],
        *,
        stream: str | None = None,
        expected_revision: Expected = None,
        agent: str = "local",
        command_id: str | None = None,
        fail_if: FailIf | None = None,
    ) -> Appended:
        """Commit one append; the arguments are those of `Append`.

        Raises:
            Invalid, TooLarge, RevisionConflict, ConditionFailed, DiskFull: nothing was stored.
            SyncFailed: the outcome is unknown and the log does no more work.
        """
        append = Append(
            events=events,
            agent=agent,
            stream=stream,
            expected_revision=expected_revision,
            fail_if=fail_if,
            command_id=command_id,
        )
        (outcome,) = self.commit([append])
        if isinstance(outcome, StoreError):
            raise outcome
        return outcome

    def stage(self, appends: Sequence[Append], cleared: Sequence[int] = ()) -> Staged:
        """Check and encode appends without I/O but for reading; what is staged counts for the next ones' conditions.

        Args:
            appends: what to append.
            cleared: for each of them, up to which sequence no event is known to match its `fail_if`; empty if nothing
                is known. A caller who has looked already, a slice at a time, spares this from looking at it all.
        """
        ...

    def flush(self, staged: Staged) -> None:
        """Make a staged group as durable as the policy says; blocking, safe in a thread, in the order of staging."""
        ...

    def settle(self, staged: Staged) -> list[Appended | StoreError]:
        """Show a flushed group to readers, or take back one that failed; in the order of staging."""
        ...

    def query(
        self, query: Query | None = None, *, max_scan: int | None = None, onto: Page | None = None, **filters: Any
    ) -> Page:
        """Answer a query, given whole or by the fields of `Query`.

        Args:
            query: the query; None if it is given by its fields.
            max_scan: look at about so many candidates only, and at about `Limits.page_bytes` of them. The page may then
                be short, or empty, and `unfinished`.
            onto: the unfinished page that the same query got before; the answer is that page, grown.
            **filters: the fields of `Query`.

        Raises:
            Invalid: the query is not understood.
            LogDamaged: an event's bytes changed since the log was opened.
            SyncFailed: the log does no more work.
        """
        ...

    def read(self, after: int = 0) -> Iterator[Event]:
        """Yield every committed event after a sequence, in order."""
        ...

    def stream_revision(self, stream: str) -> int:
        """Return a stream's revision, 0 if it does not exist."""
        ...

    def stats(self) -> LogStats:
        """Return the log in figures."""
        ...

    def step(self) -> bool:
        """Do about a millisecond of the work that waits for a quiet moment; say whether there is more."""
        ...

    def sync_due(self) -> bool:
        """Say whether, with `interval:MS`, something has waited for its fsync for that long."""
        ...

    def sync(self) -> None:
        """Make everything committed durable now."""
        ...

    def close(self) -> None:
        """Stop cleanly; once is enough, twice does no harm."""
        ...

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the log."""
        self.close()
