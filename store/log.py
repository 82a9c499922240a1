"""The event log in files: ties together staging, writing, the index and recovery."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from store import opening
from store.append import Append, Appended, Expected, FailIf
from store.commands import CommandMemory
from store.durability import FsyncPolicy, Sync, parse_policy
from store.errors import ConditionFailed, DiskFull, Invalid, StoreError, SyncFailed, TooLarge
from store.event import Event, NewEvent
from store.frame import Command, events_of
from store.interface import LogStats
from store.limits import Limits, check_name
from store.lock import DirectoryLock
from store.marker import Marker, make_reserve, write_marker
from store.query import Page, Query, as_query, matches
from store.reader import Segment
from store.search import search
from store.segment import EPOCH_BYTES
from store.staging import Heads, Staged, StagedFrame, checked_columns, payload_hash, stage_append
from store.writer import Writer


class EventLog:
    """A durable, ordered log of events in a directory of its own; use `open`.

    One thread stages, settles and reads; `flush` and `sync` may run in another one meanwhile. Nothing checkpoints.

    Example:
        with EventLog.open(path) as log:
            log.append([NewEvent(type="note", data={"n": 1})], stream="s", expected_revision="no_stream")
            log.query(stream="s").events
    """

    def __init__(
        self,
        *,
        directory: Path,
        lock: DirectoryLock,
        segments: list[Segment],
        heads: Heads,
        commands: CommandMemory,
        writer: Writer,
        epoch: bytes,
        limits: Limits,
        clock_ns: Callable[[], int],
    ) -> None:
        self._directory = directory
        self._lock = lock
        self._segments = segments
        self._heads = heads
        self._commands = commands
        self._writer = writer
        self._epoch = epoch
        self._limits = limits
        self._clock_ns = clock_ns
        self._unsettled: list[Staged] = []
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
    ) -> Self:
        """Open the log in a directory, creating both if need be.

        Args:
            path: the directory.
            fsync: `always`, `group`, `interval:MS` or `never`.
            clock_ns: the wall clock, nanoseconds since 1970 UTC.
            random_bytes: returns so many random bytes.
            sync: makes a file descriptor's data durable or raises OSError.
            limits: sizes; None means the defaults.

        Raises:
            Invalid: the policy is unknown.
            LogLocked: another process, or this one, has it open.
            LogDamaged: something that had been durable is unreadable; nothing was changed.
            DiskFull: an unclean stop needs space for a copy of the tail.
            SyncFailed: the disk did not confirm that copy.
        """
        policy = parse_policy(fsync)
        limits = limits or Limits()
        directory = Path(path)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = DirectoryLock(directory)
        try:
            return cls._open_locked(directory, lock, policy, limits, clock_ns, random_bytes, sync)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _open_locked(
        cls,
        directory: Path,
        lock: DirectoryLock,
        policy: FsyncPolicy,
        limits: Limits,
        clock_ns: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        sync: Sync,
    ) -> Self:
        heads, commands = Heads(), CommandMemory(limits.commands)
        segments = opening.open_segments(directory, now_ns=clock_ns(), random_bytes=random_bytes)
        for segment in segments:
            opening.index_segment(segment, heads, commands)
        make_reserve(directory, limits.reserve_bytes)
        epoch = segments[-1].header.epoch if segments else random_bytes(EPOCH_BYTES)
        writer = Writer(
            directory,
            policy=policy,
            limits=limits,
            sync=sync,
            clock_ns=clock_ns,
            random_bytes=random_bytes,
            epoch=epoch,
            last=heads.next_sequence - 1,
            segment=segments[-1] if segments else None,
        )
        return cls(
            directory=directory,
            lock=lock,
            segments=segments,
            heads=heads,
            commands=commands,
            writer=writer,
            epoch=epoch,
            limits=limits,
            clock_ns=clock_ns,
        )

    @property
    def head(self) -> int:
        """The committed watermark: the last sequence that readers see, 0 for an empty log."""
        return self._segments[-1].last_sequence if self._segments else 0

    @property
    def epoch(self) -> str:
        """The log epoch, 16 hexadecimal digits: changes when a stop may have lost acknowledged events."""
        return self._epoch.hex()

    @property
    def limits(self) -> Limits:
        """The sizes that the log refuses to exceed."""
        return self._limits

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
        (outcome,) = self.commit(
            [
                Append(
                    events=events,
                    agent=agent,
                    stream=stream,
                    expected_revision=expected_revision,
                    fail_if=fail_if,
                    command_id=command_id,
                )
            ]
        )
        if isinstance(outcome, StoreError):
            raise outcome
        return outcome

    def stage(self, appends: Sequence[Append]) -> Staged:
        """Check and encode appends without I/O but for reading; what is staged counts for the next ones' conditions.

        Raises:
            SyncFailed: the log does no more work.
        """
        self._refuse_if_unusable()
        now_ns = self._clock_ns()
        staged = Staged(outcomes=[], needs_sync=self._writer.policy.before_acknowledging, frames=[])
        self._unsettled.append(staged)
        for append in appends:
            try:
                staged.outcomes.append(self._stage_one(append, staged, now_ns))
            except StoreError as error:
                staged.outcomes.append(error)
        return staged

    def flush(self, staged: Staged) -> None:
        """Write a staged group and fsync it as the policy says; blocking, safe in a thread, in the order of staging.

        Raises:
            DiskFull: there is no space; `settle` then takes back everything staged and returns it as the outcome.
            SyncFailed: the disk did not confirm; the log does no more work.
        """
        self._writer.flush(staged)

    def settle(self, staged: Staged) -> list[Appended | StoreError]:
        """Show a flushed group to readers, or take back all that is staged if a write failed; in the order of staging.

        Raises:
            SyncFailed: the log does no more work.
        """
        self._refuse_if_unusable()
        if self._writer.blocked:
            self._take_back()
        failure = staged.failure
        if failure is not None:
            return [outcome if isinstance(outcome, Invalid | TooLarge) else failure for outcome in staged.outcomes]
        assert staged.flushed, "settle() before flush()"
        assert self._unsettled[0] is staged, "groups settle in the order in which they were staged"
        del self._unsettled[0]
        for frame, (segment, offset) in zip(staged.frames, staged.places, strict=True):
            self._show(frame, segment, offset)
        self._commits += 1
        return staged.outcomes

    def query(self, query: Query | None = None, *, max_scan: int | None = None, **filters: Any) -> Page:
        """Answer a query, given whole or by the fields of `Query`.

        Args:
            query: the query; None if it is given by its fields.
            max_scan: look at about so many candidates only. The page may then be short, or empty, and still `has_more`.
            **filters: the fields of `Query`.

        Raises:
            Invalid: the query is not understood.
            LogDamaged: an event's bytes changed since the log was opened.
            SyncFailed: the log does no more work.
        """
        self._refuse_if_unusable()
        return search(self._segments, self._heads, as_query(query, filters), max_scan)

    def read(self, after: int = 0) -> Iterator[Event]:
        """Yield every committed event after a sequence, in order; those committed meanwhile too.

        Raises:
            LogDamaged: an event's bytes changed since the log was opened.
        """
        sequence = after
        while sequence < self.head:
            self._refuse_if_unusable()
            segment = self._segment_of(sequence + 1)
            for events in segment.by_frame(sequence):
                for event in events:
                    if event.sequence > sequence:
                        yield event
                sequence = max(sequence, events[-1].sequence)

    def stream_revision(self, stream: str) -> int:
        """Return a stream's revision, 0 if it does not exist; what is staged counts."""
        return self._heads.revision(stream)

    def stats(self) -> LogStats:
        """Return the log in figures."""
        finished = sum(os.fstat(segment.fd).st_size for segment in self._segments[:-1]) if not self._closed else 0
        return LogStats(
            head=self.head,
            durable=self._writer.durable,
            streams=len(self._heads.streams),
            segments=len(self._segments),
            bytes=finished + self._writer.position,
            commits=self._commits,
            syncs=self._writer.syncs,
            commands=len(self._commands),
            fsync=str(self._writer.policy),
            epoch=self.epoch,
        )

    def sync_due(self) -> bool:
        """Say whether, with `interval:MS`, something has waited for its fsync for that long."""
        writer = self._writer
        if writer.policy.kind != "interval" or writer.durable >= self.head:
            return False
        return not 0 <= self._clock_ns() - writer.last_sync_ns < writer.policy.interval_ns

    def sync(self) -> None:
        """Make everything flushed durable now; blocking, safe in a thread.

        Raises:
            SyncFailed: the disk did not confirm; the log does no more work.
        """
        self._writer.sync()

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
            if not self._writer.broken and self._segments:
                self._writer.sync()
                last = self._segments[-1]
                write_marker(self._directory, Marker(self._writer.durable, last.path.name, self._writer.position))
        finally:
            for segment in self._segments:
                segment.close()
            self._lock.release()

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the log."""
        self.close()

    def _refuse_if_unusable(self) -> None:
        if self._writer.broken:
            raise SyncFailed(*self._writer.broken.args)
        if self._closed:
            raise Invalid("the log is closed: open it again")

    def _stage_one(self, append: Append, staged: Staged, now_ns: int) -> Appended:
        columns = checked_columns(append, self._limits)
        command = None
        if append.command_id is not None:
            check_name("command_id", append.command_id)
            command = Command(append.agent, append.command_id, payload_hash(append))
            if repeated := self._repeated(command):
                return repeated
        if append.fail_if is not None:
            self._check_condition(append.fail_if)
        frame = stage_append(append, columns, self._heads, self._limits, now_ns, command)
        staged.frames.append(frame)
        if command:
            self._commands.stage(command, frame.appended)
        return frame.appended

    def _repeated(self, command: Command) -> Appended | None:
        """Return the result of a command that was carried out before, None if it was not."""
        found = self._commands.staged(command.agent, command.command_id) or self._settled_command(command)
        if found is None:
            return None
        first, appended = found
        if first.payload_hash != command.payload_hash:
            raise Invalid(
                f"command {command.command_id!r} was already used for another append, stored as event "
                f"{appended.first_sequence}: use a new command id for a new append"
            )
        return Appended(
            first_sequence=appended.first_sequence,
            last_sequence=appended.last_sequence,
            revisions=appended.revisions,
            time_ns=appended.time_ns,
            deduplicated=True,
        )

    def _settled_command(self, command: Command) -> tuple[Command, Appended] | None:
        sequence = self._commands.sequence(command.agent, command.command_id)
        if sequence is None:
            return None
        first, events = self._segment_of(sequence).command(sequence)
        if first is None or (first.agent, first.command_id) != (command.agent, command.command_id):
            return None
        return first, Appended(
            first_sequence=sequence,
            last_sequence=events[-1].sequence,
            revisions={event.stream: event.revision for event in events},
            time_ns=events[0].time_ns,
        )

    def _check_condition(self, fail_if: FailIf) -> None:
        query = as_query(fail_if.query, {"after": max(fail_if.after, fail_if.query.after), "limit": 1, "order": "asc"})
        page = search(self._segments, self._heads, query)
        staged = (frame for group in self._unsettled for frame in group.frames)
        waiting = (event for frame in staged for event in events_of(frame.body, frame.count))
        found = page.events or [event for event in waiting if matches(query, event)]
        if found:
            raise ConditionFailed(found[0].sequence)

    def _segment_of(self, sequence: int) -> Segment:
        return next(segment for segment in reversed(self._segments) if segment.first_sequence <= sequence)

    def _show(self, frame: StagedFrame, segment: Segment, offset: int) -> None:
        if not self._segments or self._segments[-1] is not segment:
            self._segments.append(segment)
        segment.index.add_frame(
            offset, frame.time_ns, frame.streams, frame.types, [frame.agent] * frame.count, frame.correlations
        )
        if frame.command:
            self._commands.settle(frame.command, frame.first_sequence)

    def _take_back(self) -> None:
        """Undo everything staged: its first write failed, and the rest builds on it."""
        with self._writer.lock:
            failure, self._writer.blocked = self._writer.blocked, None
            for group in self._unsettled:
                group.failure = failure
                for frame in group.frames:
                    self._heads.take_back(frame.streams)
                    self._heads.next_sequence -= frame.count
                    if frame.command:
                        self._commands.take_back(frame.command)
            self._unsettled.clear()
