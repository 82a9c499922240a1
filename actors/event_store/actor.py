"""The event store: owns the log, commits in groups, answers queries from what is committed.

Appends queue while a commit is under way; when it is done, all that queued becomes the next group: one write, one
sync, then every answer. So the group adapts to the disk by itself. The write and the sync run in a thread through the
port; staging and settling run here and are pure computation. Queries never wait for a commit.

A failed sync is never retried and never acknowledged: it raises `DiskSyncFailed`, which ends the tree, because a
restarted actor could not tell what the kernel has dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import msgspec
import trio

from actors.event_store.messages import AppendEvents, Found, Messages, QueryEvents, Refused, Stored
from actors.event_store.refusals import refused
from actors.kernel import LATER, Actor, Later, Reply, Unrecoverable
from actors.ports import Ports
from actors.views import Views
from store import Append, DiskFull, Log, Page, Query, StoreError, SyncFailed

GROUP = 1024
"""How many appends one commit takes at the most."""

SYNC_CHECK_S = 0.002
"""With `interval:MS`, how much later than that a sync may begin, in seconds."""

WAITING = 4096
"""How many queries may wait for their first match at once."""


class DiskSyncFailed(Unrecoverable):
    """The disk failed to sync; nothing more may be acknowledged."""


class EventStore(Actor):
    """Owns the log.

    Args:
        open_log: Opens the log; runs through the port, at the start and after each restart.
        ports: Where disk work runs.
        views: Where the committed watermark is published.
    """

    accepts = Messages
    capacity = 8192

    def __init__(self, open_log: Callable[[], Log], ports: Ports, views: Views) -> None:
        self._open_log = open_log
        self._run_sync = ports.run_sync
        self._views = views
        self._log: Log | None = None
        self._pending: list[tuple[Append, Reply]] = []
        self._work = trio.Event()
        self._committed = trio.Event()
        self._idle = trio.Event()
        self._committing = False
        self._waiting = 0

    async def on_start(self) -> None:
        """Open the log, which may recover it, and begin to commit."""
        try:
            log = self._log = await self._run_sync(self._open_log)
        except SyncFailed as error:
            raise DiskSyncFailed(str(error)) from error
        self._views.sequence = log.head
        self.nursery.start_soon(self._commit_groups, log)
        if log.stats().fsync.startswith("interval"):
            self.nursery.start_soon(self._sync_when_due, log)

    async def handle(self, message: AppendEvents | QueryEvents, reply: Reply) -> Found | Later:
        """Queue an append, or answer a query from what is committed."""
        if isinstance(message, AppendEvents):
            self._pending.append((message.append, reply))
            return LATER
        return self._query(message, reply)

    async def on_batch_end(self) -> None:
        """Wake the committer once for all that one batch brought."""
        if self._pending:
            self._work.set()

    async def on_stop(self) -> None:
        """Commit what is queued, then close the log cleanly."""
        log = self._opened
        while self._pending or self._committing:
            self._idle = trio.Event()
            self._work.set()
            await self._idle.wait()
        await self._run_sync(log.close)
        self._log = None

    def on_exit(self) -> None:
        """After a crash: give the directory up, so that the next incarnation can open it.

        What was written and not acknowledged is in the log then, and its outcome unknown to whoever asked.
        """
        if self._log is not None:
            self._log.close()

    @property
    def _opened(self) -> Log:
        assert self._log is not None
        return self._log

    async def _commit_groups(self, log: Log) -> None:
        while True:
            await self._work.wait()
            self._work = trio.Event()
            self._committing = True
            while self._pending:
                group, self._pending = self._pending[:GROUP], self._pending[GROUP:]
                await self._commit(log, group)
            self._committing = False
            self._idle.set()

    async def _sync_when_due(self, log: Log) -> None:
        while True:
            await self._committed.wait()
            while not log.sync_due():  # noqa: ASYNC110 - due is a matter of the clock, not of an event
                await trio.sleep(SYNC_CHECK_S)
            await self._flush(log.sync)

    async def _flush(self, work: Callable[[], None]) -> None:
        try:
            await self._run_sync(work)
        except SyncFailed as error:
            raise DiskSyncFailed(str(error)) from error

    async def _commit(self, log: Log, group: list[tuple[Append, Reply]]) -> None:
        staged = log.stage([append for append, _ in group])
        with suppress(DiskFull):  # settling takes the group back then, and says so to each
            await self._flush(lambda: log.flush(staged))
        outcomes = log.settle(staged)
        self._views.sequence = log.head
        for (_, reply), outcome in zip(group, outcomes, strict=True):
            reply(Stored(refused=refused(outcome)) if isinstance(outcome, StoreError) else Stored(appended=outcome))
        self._committed.set()
        self._committed = trio.Event()

    def _query(self, message: QueryEvents, reply: Reply) -> Found | Later:
        try:
            page = self._opened.query(message.query)
        except StoreError as error:
            return Found(refused=refused(error))
        if page.events or message.wait_s <= 0 or message.query.order == "desc":
            return Found(page=page)
        if self._waiting >= WAITING:
            return Found(refused=Refused("unavailable", f"{WAITING} queries wait already; poll again later"))
        self.nursery.start_soon(self._wait_for_match, message.query, page, message.wait_s, reply)
        return LATER

    async def _wait_for_match(self, query: Query, page: Page, wait_s: float, reply: Reply) -> None:
        self._waiting += 1
        try:
            with trio.move_on_after(wait_s):
                while reply.wanted and not page.events:
                    await self._committed.wait()
                    page = self._opened.query(msgspec.structs.replace(query, after=page.next))
        finally:
            self._waiting -= 1
        reply(Found(page=page))
