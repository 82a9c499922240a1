"""The same interface in memory: short and obvious, so that it can judge the log in files.

It shares with that one what an append may hold and what a query means, and nothing of how events are kept or found.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any

from store.erasing.in_memory import MemoryErasure
from store.errors import ConditionFailed, Invalid, StoreError
from store.format.frame import Command, decode_event
from store.interface import Log
from store.model.append import Append, Appended, FailIf, check_all_expected, check_stream, queries_of, stream_of
from store.model.event import Event
from store.model.limits import Limits, check_finite, check_name, check_names
from store.model.log_stats import LogStats
from store.model.matching import matcher
from store.model.query import Filling, Page, Query, as_query, onwards
from store.writing.command_window import repeated
from store.writing.commit_steps import CommitSteps
from store.writing.record_encoding import encode_records
from store.writing.staged_group import Staged
from store.writing.validation import checked_columns, payload_hash


class _Stored:
    """What a log in memory holds."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.sizes: list[int] = []
        self.revisions: dict[str, int] = {}
        self.commands: dict[tuple[str, str], tuple[Command, Appended]] = {}
        self.commits = 0
        self.head = 0
        self.closed = False

    def revision(self, stream: str) -> int:
        """Return a stream's revision, 0 if it does not exist; what is staged counts."""
        return self.revisions.get(stream, 0)

    def refuse_if_closed(self) -> None:
        if self.closed:
            raise Invalid("the log is closed: make another one")


class MemoryCommitSteps(CommitSteps):
    """The steps of a log in memory."""

    def __init__(self, stored: _Stored, clock_ns: Callable[[], int], limits: Limits) -> None:
        self._stored = stored
        self._clock_ns = clock_ns
        self._limits = limits
        self._unsettled: list[Staged] = []

    def stage(self, appends: Sequence[Append], cleared: Sequence[int] = ()) -> Staged:
        """Check appends; what is staged counts for the conditions of the next ones."""
        self._stored.refuse_if_closed()
        now_ns = self._clock_ns()
        staged = Staged(outcomes=[], needs_sync=False, frames=[])
        for append, known in zip(appends, cleared or repeat(0), strict=False):
            try:
                staged.outcomes.append(self._stage_one(append, known, now_ns))
            except StoreError as error:
                staged.outcomes.append(error)
        self._unsettled.append(staged)
        return staged

    def flush(self, staged: Staged) -> None:
        """Make a staged group ready to settle."""
        staged.flushed = True

    def settle(self, staged: Staged) -> list[Appended | StoreError]:
        """Show a flushed group to readers, in the order of staging."""
        self._stored.refuse_if_closed()
        assert staged.flushed, "settle() before flush()"
        assert self._unsettled[0] is staged, "groups settle in the order in which they were staged"
        del self._unsettled[0]
        stored = [outcome.last_sequence for outcome in staged.outcomes if isinstance(outcome, Appended)]
        self._stored.head = max(self._stored.head, *stored, 0)
        self._stored.commits += 1
        return staged.outcomes

    def _stage_one(self, append: Append, cleared: int, now_ns: int) -> Appended:
        columns = checked_columns([append], self._limits)
        command = None
        if append.command_id is not None:
            check_name("command_id", append.command_id)
            command = Command(append.agent, append.command_id, payload_hash(append))
            if earlier := self._stored.commands.get((append.agent, append.command_id)):
                return repeated(command, *earlier)
        if append.fail_if is not None:
            self._check_condition(append.fail_if, cleared)
        stream = stream_of(append)
        check_name("agent", append.agent)
        check_stream(append.agent, stream)
        check_all_expected(append, self._stored.revision)
        check_names("type", columns.types)
        check_names("correlation_id", [name for name in columns.correlations or () if name is not None])
        streams = columns.streams or [stream] * len(columns.types)
        check_names("stream", streams)
        revisions: list[int] = []
        reached: dict[str, int] = {}
        for name in streams:
            reached[name] = reached.get(name, self._stored.revision(name)) + 1
            revisions.append(reached[name])
        first = len(self._stored.events) + 1
        records, sizes = encode_records(
            columns,
            [append],
            first_sequence=first,
            revisions=revisions,
            time_ns=now_ns,
            limits=self._limits,
        )
        check_finite([*columns.datas, *columns.metadatas])
        self._stored.events += map(decode_event, records)
        self._stored.sizes += sizes
        self._stored.revisions |= reached
        appended = Appended(
            first_sequence=first, last_sequence=len(self._stored.events), revisions=reached, time_ns=now_ns
        )
        if command:
            self._stored.commands[command.agent, command.command_id] = command, appended
        return appended

    def _check_condition(self, fail_if: FailIf, cleared: int) -> None:
        queries = [as_query(each, {"after": max(each.after, cleared)}) for each in queries_of(fail_if)]
        matching = [matcher(each) for each in queries]
        for event in self._stored.events[min(each.after for each in queries) :]:
            if any(matches(event) for matches in matching):
                raise ConditionFailed(event.sequence)


class MemoryLog(Log):
    """An event log that lives and dies with the process. Nothing checkpoints.

    Args:
        clock_ns: the wall clock, nanoseconds since 1970 UTC.
        limits: sizes; None means the defaults.
    """

    def __init__(self, *, clock_ns: Callable[[], int] = time.time_ns, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._stored = _Stored()
        self._steps = MemoryCommitSteps(self._stored, clock_ns, self._limits)
        self._lock = threading.RLock()

    def commit(self, appends: Sequence[Append]) -> list[Appended | StoreError]:
        """Stage, flush and settle appends as one group, one thread at a time; see `Log.commit`."""
        with self._lock:
            return super().commit(appends)

    @property
    def steps(self) -> CommitSteps:
        """The three steps of a commit."""
        return self._steps

    @property
    def head(self) -> int:
        """The committed watermark: the last sequence that readers see, 0 for an empty log."""
        return self._stored.head

    @property
    def first_sequence(self) -> int:
        """The sequence that the log begins with: nothing is retired in memory."""
        return 1

    @property
    def epoch(self) -> str:
        """The log epoch: memory has but one."""
        return "0" * 16

    @property
    def limits(self) -> Limits:
        """The sizes that the log refuses to exceed."""
        return self._limits

    def query(
        self, query: Query | None = None, *, max_scan: int | None = None, onto: Page | None = None, **filters: Any
    ) -> Page:
        """Answer a query, given whole or by the fields of `Query`; `max_scan` is how many events are looked at."""
        self._stored.refuse_if_closed()
        whole = as_query(query, filters)
        asked, filling = onwards(whole, onto), Filling(whole, self._limits.page_bytes, onto)
        low = asked.after + 1
        high = self._stored.head + 1 if asked.before is None else min(self._stored.head + 1, asked.before)
        matches = matcher(asked)
        descending = asked.order == "desc"
        scanned_bytes = 0
        sequences = range(high - 1, low - 1, -1) if descending else range(low, high)
        for scanned, sequence in enumerate(sequences, 1):
            event, size = self._stored.events[sequence - 1], self._stored.sizes[sequence - 1]
            if matches(event) and not filling.take(event, size):
                return filling.full(scanned_bytes)
            scanned_bytes += size
            if max_scan is not None and (scanned >= max_scan or scanned_bytes >= max_scan * self._limits.look_bytes):
                return filling.stopped(sequence, scanned_bytes)
        return filling.last(low if descending else max(high - 1, asked.after), scanned_bytes)

    def erasing(self, stream: str, *, agent: str = "local") -> MemoryErasure:
        """Begin to erase a stream; see `Log.erasing`."""
        stored = self._stored
        stored.refuse_if_closed()
        return MemoryErasure(stored.events, stored.commands, stream, agent, last=stored.head)

    def _read_all(self, after: int, *, skip_gone: bool) -> Iterator[Event]:
        """Yield every committed event after a sequence, in order; nothing leaves. See `Log.read`."""
        sequence = after
        self._stored.refuse_if_closed()
        while sequence < self._stored.head:
            self._stored.refuse_if_closed()
            yield self._stored.events[sequence]
            sequence += 1

    def epoch_end(self, epoch: str) -> int:
        """Return the last sequence that was stored in an epoch: all are of one."""
        return self._stored.head if epoch == self.epoch else 0

    def stream_revision(self, stream: str) -> int:
        """Return a stream's revision, 0 if it does not exist; what is staged counts."""
        return self._stored.revision(stream)

    def stats(self) -> LogStats:
        """Return the log in figures."""
        return LogStats(
            first_sequence=1,
            head=self._stored.head,
            durable=0,
            streams=len(self._stored.revisions),
            segments=0,
            bytes=0,
            commits=self._stored.commits,
            syncs=0,
            commands=len(self._stored.commands),
            fsync="none",
            epoch=self.epoch,
        )

    def step(self) -> bool:
        """Say whether there is work that waits for a quiet moment: never, in memory."""
        return False

    def sync_due(self) -> bool:
        """Say whether something waits for its fsync: never, in memory."""
        return False

    def sync(self) -> None:
        """Do nothing: memory is as durable as it gets."""

    def close(self) -> None:
        """Refuse further work; once is enough, twice does no harm."""
        self._stored.closed = True
