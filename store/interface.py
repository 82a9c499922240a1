"""What a log can do, whatever keeps it: files or memory."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from store.erasing.erasure import Erased, Erasure
from store.errors import DiskFull, EventsGone, Invalid, StoreError
from store.model.append import Append, Appended, Expected
from store.model.event import Event, NewEvent
from store.model.given import EventsGiven, FailIfGiven, as_events, as_fail_if
from store.model.gone import check_not_gone
from store.model.limits import check_name
from store.model.log_stats import LogStats
from store.model.query import MAX_LIMIT, Page, Query, as_query
from store.writing.commit_steps import CommitSteps

PAUSE_S = 0.01
"""How long a subscription waits until it looks for new events again, in seconds."""


class Log(ABC):
    """What every log does. Everything is synchronous; nothing checkpoints."""

    @property
    @abstractmethod
    def steps(self) -> CommitSteps:
        """The three steps of a commit, for a caller who takes them in different threads; all others use `commit`."""

    @property
    @abstractmethod
    def head(self) -> int:
        """The committed watermark: the last sequence that readers see, 0 for an empty log."""

    @property
    @abstractmethod
    def first_sequence(self) -> int:
        """The sequence that the log begins with, or will; more than 1 if older events were retired."""

    @property
    @abstractmethod
    def epoch(self) -> str:
        """Changes when a stop may have lost acknowledged events: a cursor of another epoch may be ahead of the log."""

    def commit(self, appends: Sequence[Append]) -> list[Appended | StoreError]:
        """Stage, flush and settle appends as one group: one write and, with `group`, one fsync.

        Returns:
            For each append its result or its error: `Invalid`, `TooLarge`, `RevisionConflict`, `ConditionFailed`, or
            `DiskFull` for all of them. A later append of the group sees what the earlier ones did.

        Raises:
            SyncFailed: the disk did not confirm; the outcome is unknown and the log does no more work.
        """
        steps = self.steps
        staged = steps.stage(appends)
        try:
            steps.flush(staged)
        except DiskFull:
            return steps.settle(staged)
        outcomes = steps.settle(staged)
        if self.sync_due():
            self.sync()
        return outcomes

    def append(
        self,
        events: EventsGiven,
        *,
        stream: str | None = None,
        expected_revision: Expected = None,
        agent: str = "local",
        command_id: str | None = None,
        fail_if: FailIfGiven = None,
        expected: Mapping[str, Expected] | None = None,
    ) -> Appended:
        """Commit one append; the arguments are those of `Append`, in forms that are easier to write.

        Args:
            events: one event or several, each a `NewEvent` or a dict of its fields.
            stream: where events go that name no stream; None means `agent/<agent>`.
            expected_revision: what that stream must be at: a revision, `no_stream`, `exists` or `any`.
            agent: who appends.
            command_id: makes the append idempotent for this agent.
            fail_if: refuse if any event matches, behind the query's own `after`; of several queries any.
            expected: what more streams must be at, by their names.

        Raises:
            Invalid, TooLarge, RevisionConflict, ConditionFailed, DiskFull: nothing was stored.
            SyncFailed: the outcome is unknown and the log does no more work.
        """
        listed = as_events(events)
        if command_id is None and fail_if is None and expected is None:
            appended = self._append_quickly(listed, stream, agent, expected_revision)
            if appended is not None:
                return appended
        check_name("agent", agent)
        append = Append(
            events=listed,
            agent=agent,
            stream=stream,
            expected_revision=expected_revision,
            fail_if=as_fail_if(fail_if),
            expected=expected,
            command_id=command_id,
        )
        (outcome,) = self.commit([append])
        if isinstance(outcome, StoreError):
            raise outcome
        return outcome

    def _append_quickly(
        self, events: Sequence[NewEvent], stream: str | None, agent: str, expected: Expected
    ) -> Appended | None:
        """Commit an append without more conditions, if there is a quicker way for it than the three steps."""
        return None

    @abstractmethod
    def query(
        self, query: Query | None = None, *, max_scan: int | None = None, onto: Page | None = None, **filters: Any
    ) -> Page:
        """Answer a query, given whole or by the fields of `Query`.

        Args:
            query: the query; None if it is given by its fields.
            max_scan: look at about so many candidates only, and at about `Limits.look_bytes` of each. The page may
                then be short, or empty, and `unfinished`.
            onto: the unfinished page that the same query got before; the answer is that page, grown.
            **filters: the fields of `Query`.

        Raises:
            Invalid: the query is not understood.
            LogDamaged: an event's bytes changed since the log was opened.
            SyncFailed: the log does no more work.
        """

    def check_not_gone(self, query: Query, *, begins: bool = True) -> None:
        """Refuse a query that asks for events which have left the log; `query` itself answers from what is left.

        With `begins` false, its `after` does not say where to begin. Raises `EventsGone` if it asks for some.
        """
        left = self.retired_revision(query.stream) if query.stream is not None else self.first_sequence - 1
        check_not_gone(query, begins=begins, first=self.first_sequence, left=left)

    def retired_revision(self, stream: str) -> int:
        """Return the last revision of a stream that has left the log, 0 if all of it is there."""
        left = self.query(stream=stream, limit=1).events if self.first_sequence > 1 else None
        return 0 if left is None else left[0].revision - 1 if left else self.stream_revision(stream)

    def read(self, after: int | None = None, *, skip_gone: bool = False, **filters: Any) -> Iterator[Event]:
        """Yield every committed event after a sequence, in order; those committed meanwhile too.

        Args:
            after: the sequence; None begins with the first event that is left.
            skip_gone: where events left the log before they were read, go on with the first one that is left.
            **filters: the fields of `Query` that say which events; none means all.

        Raises:
            Invalid: the filters are not understood.
            EventsGone: events left the log before they were read.
            LogDamaged: an event's bytes changed since the log was opened.
        """
        if after is None:
            after = self.first_sequence - 1
        if type(after) is not int or after < 0:
            raise Invalid(f"after is {after!r}: give a sequence, 0 or more")
        if not filters:
            return self._read_all(after, skip_gone=skip_gone)
        if unfit := filters.keys() & {"order", "limit"}:
            raise Invalid(f"read gives all events, oldest first, and takes no {', '.join(sorted(unfit))}: use query")
        return self._read_some(as_query(None, {**filters, "after": after, "limit": MAX_LIMIT}), skip_gone=skip_gone)

    def _read_some(self, query: Query, *, skip_gone: bool) -> Iterator[Event]:
        more = True
        while more:
            if not skip_gone and (first := self.first_sequence) > query.after + 1:
                raise EventsGone.behind(query.after, first)
            page = self.query(query)
            yield from page.events
            query = replace(query, after=page.next)
            more = page.has_more or (page.next < self.head and (query.before is None or page.next < query.before - 1))

    def subscribe(
        self, after: int | None = None, *, wait_s: float | None = None, skip_gone: bool = False, **filters: Any
    ) -> Iterator[Event]:
        """Yield events as they come, oldest first, whoever appends them; blocks while there are none.

        It looks for new ones every 10 ms. Under Trio, follow a server's log with its client instead.

        Args:
            after: the sequence to begin behind; None begins with what is new.
            wait_s: ends once there was no event for so many seconds, with 0 behind what there is; None never ends.
            skip_gone: as in `read`.
            **filters: as in `read`.

        Raises:
            Invalid: the filters are not understood, or the log was closed meanwhile.
            EventsGone: events left the log before they were read.
            LogDamaged: an event's bytes changed since the log was opened.
        """
        begin = self.head if after is None else after
        return self._follow(begin, wait_s, {**filters, "skip_gone": skip_gone}, as_query(None, filters))

    def _follow(self, after: int, wait_s: float | None, asked: dict[str, Any], query: Query) -> Iterator[Event]:
        until = None if wait_s is None else time.monotonic() + wait_s
        while True:
            head = self.head
            found = head
            for event in self.read(after, **asked):
                yield event
                found = max(found, event.sequence)
                until = None if wait_s is None else time.monotonic() + wait_s
            after = max(after, found)
            if query.before is not None and after >= query.before - 1:
                return
            if self.head == head:
                if until is not None and time.monotonic() >= until:
                    return
                time.sleep(PAUSE_S)

    def erase(self, stream: str, *, agent: str = "local") -> Erased:
        """Erase what the events of a stream hold, for good; they stay in their places, without their content.

        Payload, metadata, tags, correlation and causation id are overwritten; the rest stays, and the stream goes on.
        It is durable when this returns, whatever the fsync policy, and told in the log: `moothall.log.erased` in the
        stream `moothall/log`. What a stop cuts off, the next opening ends.

        Args:
            stream: the stream; none of the hall's own, `moothall/...`.
            agent: who has it erased.

        Raises:
            Invalid: there is no such stream, it is one of the hall's own, or some of it is sealed.
            LogDamaged, DiskFull: some may not be erased yet: mend that, and erase again.
            SyncFailed: the log does no more work; open it again, and it is done.
        """
        before = 0
        while True:
            erasure = self.erasing(stream, agent=agent)
            while erasure.step():
                erasure.mend()
            if (told := erasure.told()) is not None:
                (outcome,) = self.commit([told])
                if isinstance(outcome, StoreError):
                    raise outcome
            erasure.end()
            if not erasure.resumed:
                return replace(erasure.erased, events=before + erasure.erased.events)
            before += erasure.erased.events

    @abstractmethod
    def erasing(self, stream: str, *, agent: str = "local") -> Erasure:
        """Begin to erase a stream in steps; see `erase`."""

    @abstractmethod
    def _read_all(self, after: int, *, skip_gone: bool) -> Iterator[Event]:
        """Yield every committed event after a sequence, in order."""

    @abstractmethod
    def epoch_end(self, epoch: str) -> int:
        """Return the last sequence that was stored in an epoch, as far as this log goes; 0 if it does not know it."""

    @abstractmethod
    def stream_revision(self, stream: str) -> int:
        """Return a stream's revision, 0 if it does not exist."""

    @abstractmethod
    def stats(self) -> LogStats:
        """Return the log in figures."""

    @abstractmethod
    def step(self) -> bool:
        """Do about a millisecond of the work that waits for a quiet moment; say whether there is more."""

    @abstractmethod
    def sync_due(self) -> bool:
        """Say whether, with `interval:MS`, something has waited for its fsync for that long."""

    @abstractmethod
    def sync(self) -> None:
        """Make everything committed durable now."""

    @abstractmethod
    def close(self) -> None:
        """Stop cleanly; once is enough, twice does no harm."""

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the log."""
        self.close()
