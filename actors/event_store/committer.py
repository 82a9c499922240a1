"""Commits the appends that wait, a group at a time: what came together, or while the last group was under way.

Where nothing is under way, the first group is staged and handed to the disk as soon as its batch of messages was read,
before the committer's own task has its turn: that spares an append that comes alone a turn of the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import trio

from actors.disk_thread import DiskWorker
from actors.event_store.commit_groups import Pending, group_size
from actors.event_store.distant_conditions import look_ahead
from actors.event_store.fatal_errors import DiskSyncFailed, ending_on_damage
from store import Appended, DiskFull, Log, Staged, StoreError, SyncFailed

Outcomes = list[tuple[Pending, Appended | StoreError]]


class Begun(NamedTuple):
    """A group that is on its way to the disk."""

    group: list[Pending]
    staged: Staged


class Committer:
    """Commits what is added to it.

    Args:
        log: Where to.
        disk: Writes a group; the committer's alone.
        committed: Told of each group's outcomes, and why the disk refused, if it did.

    Attributes:
        bytes: How many bytes of appends wait.
    """

    def __init__(self, log: Log, disk: DiskWorker, committed: Callable[[Outcomes, str], None]) -> None:
        self._log = log
        self._disk = disk
        self._committed = committed
        self._pending: list[Pending] = []
        self._begun: Begun | None = None
        self._work = trio.Event()
        self._idle = trio.Event()
        self._committing = False
        self.bytes = 0

    def __len__(self) -> int:
        """Return how many appends wait."""
        return len(self._pending)

    def add(self, pending: Pending) -> None:
        """Let an append wait; `begin` must follow. Does not checkpoint."""
        self._pending.append(pending)

    def begin(self) -> None:
        """Commit what waits from now on. Does not checkpoint.

        Raises:
            LogUnusable: The log turned out to be damaged.
        """
        if not self._pending:
            return
        if not self._committing:
            self._committing = True
            if all(append.fail_if is None for append, _, _ in self._pending):
                group = self._take_group()
                self._begun = self._stage(group, [0] * len(group))
        self._work.set()

    @property
    def busy(self) -> bool:
        """Whether an append waits or is under way."""
        return bool(self._pending) or self._committing

    async def wait_idle(self) -> None:
        """Wait until the next time that nothing waits and nothing is under way; a checkpoint."""
        self._idle = trio.Event()
        self.begin()
        await self._idle.wait()

    async def run(self) -> None:
        """Commit, for ever; a checkpoint.

        Raises:
            DiskSyncFailed: The disk did not confirm.
            LogUnusable: The log turned out to be damaged.
        """
        while True:
            await self._work.wait()
            self._work = trio.Event()
            while self._begun or self._pending:
                begun, self._begun = self._begun or await self._look_and_stage(self._take_group()), None
                await self._end(begun)
            self._committing = False
            self._idle.set()

    def _take_group(self) -> list[Pending]:
        size = group_size(self._pending)
        group, self._pending = self._pending[:size], self._pending[size:]
        self.bytes -= sum(reply.size for _, reply, _ in group)
        # Whoever has given up was told that the outcome is unknown; storing it now would help nobody.
        return [each for each in group if each[1].wanted]

    async def _look_and_stage(self, group: list[Pending]) -> Begun:
        with ending_on_damage():
            cleared = [await look_ahead(self._log, *each) if each[0].fail_if else 0 for each in group]
        return self._stage(group, cleared)

    def _stage(self, group: list[Pending], cleared: list[int]) -> Begun:
        with ending_on_damage():
            staged = self._log.steps.stage([append for append, _, _ in group], cleared)
        self._disk.begin(partial(self._log.steps.flush, staged))
        return Begun(group, staged)

    async def _end(self, begun: Begun) -> None:
        trouble = ""
        try:
            with ending_on_damage():
                await self._disk.ended()
        except DiskFull as error:  # settling takes the group back then, and says so to each
            trouble = str(error)
        except SyncFailed as error:
            raise DiskSyncFailed(str(error)) from error
        with ending_on_damage():
            outcomes = self._log.steps.settle(begun.staged)
        self._committed(list(zip(begun.group, outcomes, strict=True)), trouble)
