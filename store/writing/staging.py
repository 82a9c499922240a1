"""Staging: appends in, frames and outcomes-to-be out, without any I/O but reading.

What is staged counts at once for the next append's conditions, and is taken back when its write fails. That is what
lets the next group be prepared while the last one is on its way to the disk.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby, repeat

from store.errors import Invalid, StoreError
from store.format.frame import Command
from store.format.staged_frame import StagedFrame
from store.model.append import Append, Appended, FailIf, check_all_expected, is_plain, stream_of, surely_met
from store.model.limits import Limits, check_name
from store.reading.committed import Committed
from store.streams.stream_table import StreamTable
from store.writing.batch_framer import BatchFramer
from store.writing.command_window import CommandMemory, repeated
from store.writing.conditions import check_condition
from store.writing.native_framer import native_framer
from store.writing.small_framer import MOST, QuickFramer
from store.writing.staged_group import Staged
from store.writing.validation import checked_columns, payload_hash


class Stager:
    """Prepares groups, and keeps those that are not settled yet, in order.

    Args:
        table: where the streams are; moved on by staging, back by taking back.
        commands: the commands known.
        committed: what readers see, for `fail_if` and for the results of earlier commands.
        limits: what an append may hold.

    Attributes:
        quick: makes the frames of what is plain.
    """

    def __init__(self, table: StreamTable, commands: CommandMemory, committed: Committed, limits: Limits) -> None:
        self._table = table
        self._commands = commands
        self._committed = committed
        self._limits = limits
        self._framer = BatchFramer(table, limits)
        native = native_framer(table, limits)
        self.quick: QuickFramer = native or self._framer.small
        self._for_many = native is not None
        self._unsettled: list[Staged] = []

    def stage(self, appends: Sequence[Append], cleared: Sequence[int], *, now_ns: int, needs_sync: bool) -> Staged:
        """Check and encode appends; each gets its outcome-to-be."""
        begin = self._table.next_sequence
        staged = Staged(outcomes=[], needs_sync=needs_sync, frames=[])
        try:
            self._unsettled.append(staged)
            self._stage_all(appends, cleared, staged, now_ns)
        except BaseException:
            # Such as a TypeError: what the caller gets no group for is never settled, and must not stand in the way.
            self._unsettled = [group for group in self._unsettled if group is not staged]
            self._take_back_from(begin, (staged,))
            raise
        return staged

    @property
    def waiting(self) -> bool:
        """Whether a group is staged and not settled."""
        return bool(self._unsettled)

    @property
    def sound(self) -> bool:
        """Whether all that was begun came to its end, or was taken back; if not, nothing more may be staged."""
        return self._table.at_rest

    def _stage_all(self, appends: Sequence[Append], cleared: Sequence[int], staged: Staged, now_ns: int) -> None:
        if len(appends) == 1:
            self._stage_alone(appends[0], cleared[0] if cleared else 0, staged, now_ns)
            return
        for plain, run in groupby(zip(appends, cleared or repeat(0), strict=False), _is_plain):
            together = list(run)
            if plain and (self._for_many or len(together) < MOST):
                together = together[self._stage_quickly(together, staged, now_ns) :]
            if not plain or (together and not self._stage_together([each for each, _ in together], staged, now_ns)):
                for append, known in together:
                    self._stage_alone(append, known, staged, now_ns)

    def settle(self, staged: Staged) -> None:
        """Show the oldest group to readers, and let go of it: it is stored.

        Raises:
            Invalid: it is not flushed, or not the oldest.
        """
        if not staged.flushed or self._unsettled[0] is not staged:
            raise Invalid("a group is settled once it is flushed, and behind those that were staged before it")
        self._committed.show(staged.frames, staged.written)
        for frame in staged.frames:
            if frame.command:
                self._commands.settle(frame.command, frame.first_sequence)
        del self._unsettled[0]

    def take_back(self, failure: StoreError) -> None:
        """Undo everything staged that is not flushed: its first write failed, and the rest builds on it."""
        lost = [group for group in self._unsettled if not group.flushed]
        self._unsettled = [group for group in self._unsettled if group.flushed]
        for group in lost:
            group.failure = failure
        first = min((group.frames[0].first_sequence for group in lost if group.frames), default=None)
        self._take_back_from(self._table.next_sequence if first is None else first, lost)

    def _take_back_from(self, begin: int, groups: Iterable[Staged]) -> None:
        """Undo what was staged from a sequence on: by these groups, the last of which may not know its last frame."""
        self._table.take_back(begin)
        for group in groups:
            for frame in group.frames:
                if frame.command:
                    self._commands.take_back(frame.command)

    def _stage_quickly(self, appends: Sequence[tuple[Append, int]], staged: Staged, now_ns: int) -> int:
        """Stage plain appends up to the first that the quick way leaves to others; return how many those are."""
        for number, (append, _) in enumerate(appends):
            if (frame := self.quick.frame(append, now_ns)) is None:
                return number
            staged.frames.append(frame)
            staged.outcomes.append(frame.appended)
        return len(appends)

    def _stage_together(self, appends: Sequence[Append], staged: Staged, now_ns: int) -> bool:
        """Stage appends that nothing can refuse but what is wrong with themselves; False if something is."""
        try:
            columns = checked_columns(appends, self._limits)
            self._framer.check_names(appends)
            made = self._framer.frames(appends, columns, now_ns)
        except StoreError:
            return False
        staged.frames += made
        staged.outcomes += [frame.appended for frame in made]
        return True

    def _stage_alone(self, append: Append, cleared: int, staged: Staged, now_ns: int) -> None:
        try:
            staged.outcomes.append(self._outcome(append, cleared, staged, now_ns))
        except StoreError as error:
            staged.outcomes.append(error)

    def _outcome(self, append: Append, cleared: int, staged: Staged, now_ns: int) -> Appended:
        quick = self._quickly(append, now_ns)
        if quick is not None:
            staged.frames.append(quick)
            return quick.appended
        columns = checked_columns((append,), self._limits)
        command = None
        if append.command_id is not None:
            check_name("command_id", append.command_id)
            command = Command(append.agent, append.command_id, payload_hash(append))
            if earlier := self._carried_out(command):
                return repeated(command, *earlier)
        if append.fail_if is not None:
            self._check_condition(append.fail_if, cleared)
        self._framer.check_names((append,))
        check_all_expected(append, self._table.revision)
        (frame,) = self._framer.frames((append,), columns, now_ns, command)
        staged.frames.append(frame)
        if command:
            self._commands.stage(command, frame.appended)
        return frame.appended

    def _quickly(self, append: Append, now_ns: int) -> StagedFrame | None:
        """Return an append's frame if nothing is to be said against it; None has the whole way say what is."""
        if append.command_id is not None or append.fail_if is not None or append.expected is not None:
            return None
        expected = append.expected_revision
        if expected is not None and not surely_met(expected, self._table.revision(stream_of(append))):
            return None
        return self.quick.frame(append, now_ns)

    def _carried_out(self, command: Command) -> tuple[Command, Appended] | None:
        """Find the first append with this command's id."""
        if staged := self._commands.staged(command.agent, command.command_id):
            return staged
        sequence = self._commands.sequence(command.agent, command.command_id)
        if sequence is None or sequence <= self._committed.last_retired:
            return None
        first, appended = self._committed.command_at(sequence)
        if first is None or (first.agent, first.command_id) != (command.agent, command.command_id):
            return None
        return first, appended

    def _check_condition(self, fail_if: FailIf, cleared: int) -> None:
        committed, limits = self._committed, self._limits
        check_condition(
            fail_if,
            cleared,
            head=committed.head,
            retired=committed.last_retired,
            search=lambda query: committed.query(query, limits),
            staged=(frame for group in self._unsettled for frame in group.frames),
            table=self._table,
        )


def _is_plain(waiting: tuple[Append, int]) -> bool:
    return is_plain(waiting[0])
