"""The event store: owns the log, commits in groups, answers queries from what is committed.

Appends queue while a commit is under way; when it is done, all that queued becomes the next group: one write, one
sync, then every answer. So the group adapts to the disk by itself. The write and the sync run in a thread through the
port; staging and settling run here and are pure computation. Queries never wait for a commit, and long ones are read in
slices.

A failed sync is never retried and never acknowledged: it raises `DiskSyncFailed`, which ends the tree, because a
restarted actor could not tell what the kernel has dropped.

A query that its first look does not answer goes on in slices; see `sliced_reads.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import trio

from actors.disk_thread import DiskWorker
from actors.event_store import lost_events
from actors.event_store.append_quota import AppendQuota
from actors.event_store.commit_groups import Pending
from actors.event_store.committer import Committer, Outcomes
from actors.event_store.disk_watch import watch_disk
from actors.event_store.distant_conditions import Distant
from actors.event_store.error_codes import gone_of, refused
from actors.event_store.fatal_errors import ending_on_damage, ending_on_failed_sync
from actors.event_store.long_polls import LongPolls
from actors.event_store.messages import (
    NAME,
    AppendEvents,
    EraseStream,
    Erasing,
    Found,
    Messages,
    QueryEvents,
    Refused,
    Stored,
)
from actors.event_store.scheduled_retirement import CHECK_S, RetentionPlan, retire_due, told
from actors.event_store.sliced_reads import LARGE_BYTES, Read, Reads
from actors.event_store.stream_erasing import StreamErasing
from actors.kernel import LATER, Actor, ActorError, Later, Reply
from actors.ports import Ports
from store import Append, EventLog, Log, StoreError

PENDING = 8192
"""How many appends may wait for the disk; more are refused as `unavailable`."""

PENDING_BYTES = 256 * 1024 * 1024
"""How many bytes of appends may wait for the disk."""

METERED_BYTES = PENDING_BYTES * 3 // 4
"""How many may wait before those of agents are refused: the rest is for admins and the server's own records."""

SYNC_CHECK_S = 0.002
"""With `interval:MS`, how much later than that a sync may begin, in seconds."""

FIRST_LOOK = 32
"""How many events a query looks at within its message; what takes more is read on in turns."""

FIRST_LOOK_FOR_FEW = 128
"""The same for a query of no more events than the first look: so that what its caller may not see hardly delays it."""

FIRST_LOOK_BYTES = 256 * 1024
"""How many bytes of records the queries of one batch look at within their messages; those behind wait for a turn."""


class LogViews(Protocol):
    """The published views of the log; see `actors/views.py`.

    Attributes:
        sequence: The committed watermark.
    """

    sequence: int

    def tell_trouble(self, name: str, what: str) -> None:
        """Note what keeps an actor from its work; an empty text says that nothing does."""


class EventStore(Actor):
    """Owns the log.

    Args:
        open_log: Opens the log; runs through the port, at the start and after each restart.
        ports: Where disk work runs.
        views: Where the committed watermark is published.
        quota: How much each agent may append; outlives the actor.
        retention_plan: What is kept of a log in files; None keeps everything.
    """

    accepts = Messages
    capacity = 8192

    def __init__(
        self,
        open_log: Callable[[], Log],
        ports: Ports,
        views: LogViews,
        quota: AppendQuota,
        retention_plan: RetentionPlan | None = None,
    ) -> None:
        self._open_log = open_log
        self._run_sync = ports.run_sync
        self._ports = ports
        self._views = views
        self._quota = quota
        self._retention_plan = retention_plan
        self._log: Log | None = None
        self._committer: Committer | None = None
        self._disk: DiskWorker | None = None
        self._distant = Distant(self._enqueue)
        self._committed = trio.Event()
        self._files = trio.Lock()
        self._kept_back = ""
        self._low_disk = ""
        self._looked = 0
        self._turn = trio.Lock()
        self._long_polls = LongPolls(self._turn)
        self._reads = Reads(self._turn, self._found)
        self._lost = ""
        self._erasing = StreamErasing(self._run_sync, self._files, lambda told: self.ref(NAME).ask(AppendEvents(told)))

    async def on_start(self) -> None:
        """Open the log, which may recover it, and begin to commit."""
        with ending_on_failed_sync(), ending_on_damage():
            log = self._log = await self._run_sync(self._open_log)
        self._views.sequence = log.head
        self._disk = self._ports.disk_worker()
        self._committer = Committer(log, self._disk, self._settled)
        self.nursery.start_soon(self._committer.run)
        self.nursery.start_soon(self._reads.run, log)
        self.nursery.start_soon(self._long_polls.run, log, self.nursery)
        stats = log.stats()
        self._lost = lost_events.described(stats)
        if self._lost:
            self.nursery.start_soon(self._tell, lost_events.told(stats))
        self._tell_trouble()
        if stats.fsync.startswith("interval"):
            self.nursery.start_soon(self._sync_when_due, log)
        if isinstance(log, EventLog):
            self.nursery.start_soon(watch_disk, log, self._ports, self._note_low_disk)
            if self._retention_plan is not None:
                self.nursery.start_soon(self._retire_when_due, log, self._retention_plan)

    async def handle(self, message: Messages, reply: Reply) -> Stored | Found | Erasing | Later:
        """Queue an append, answer a query from what is committed, or begin to erase a stream."""
        if isinstance(message, QueryEvents):
            return self._query(message, reply)
        if isinstance(message, EraseStream):
            return self._erasing.begin(self._opened, message, reply, self.nursery)
        refusal = self._refusal_of(message, reply.size)
        if refusal is not None:
            return Stored(refused=refusal)
        self._commits.bytes += reply.size
        if not self._distant.take(self._opened, message.append, reply, self.nursery):
            self._commits.add((message.append, reply, 0))
        return LATER

    def _refusal_of(self, message: AppendEvents, size: int) -> Refused | None:
        waiting, metered = len(self._commits) + len(self._distant), message.metered
        if waiting >= PENDING or self._commits.bytes >= (METERED_BYTES if metered else PENDING_BYTES):
            return Refused("unavailable", f"{waiting} appends wait for the disk; try again later")
        return self._quota.spend(message.append.agent, size, trio.current_time()) if metered else None

    async def on_batch_end(self) -> None:
        """Begin to commit all that one batch brought."""
        self._looked = 0
        self._commits.begin()

    async def on_stop(self) -> None:
        """Commit what is queued, then close the log cleanly."""
        log = self._opened
        while self._distant or self._commits.busy:
            await self._commits.wait_idle()
        await self._files.acquire()  # for good: nothing leaves a log that is being closed
        await self._turn.acquire()  # for good: nobody reads on in it
        await self._durably(log.close)
        self._log = None
        self._close_disk()

    def on_exit(self) -> None:
        """After a crash: give the directory up, so that the next incarnation can open it.

        What was written and not acknowledged is in the log then, and its outcome unknown to whoever asked. The sync on
        the loop is the price of a crash.
        """
        self._close_disk()
        if self._log is not None:
            with ending_on_failed_sync():
                self._log.close()

    def _close_disk(self) -> None:
        """Let the disk's worker end; what it is at ends first."""
        if self._disk is not None:
            self._disk.close()
            self._disk = None

    @property
    def _opened(self) -> Log:
        assert self._log is not None
        return self._log

    @property
    def _commits(self) -> Committer:
        assert self._committer is not None
        return self._committer

    async def _durably(self, work: Callable[[], None]) -> None:
        with ending_on_failed_sync():
            await self._run_sync(work)

    def _enqueue(self, pending: Pending) -> None:
        self._commits.add(pending)
        self._commits.begin()

    def _settled(self, outcomes: Outcomes, trouble: str) -> None:
        """Answer the appends of a group, and wake those who wait for what it brought."""
        self._tell_trouble(trouble)
        self._views.sequence = self._opened.head
        for (_, reply, _), outcome in outcomes:
            if isinstance(outcome, StoreError):
                reply(Stored(refused=refused(outcome)))
            else:
                reply(Stored(appended=outcome))
        self._committed.set()
        self._committed = trio.Event()
        self._long_polls.touched((append, outcome) for (append, _, _), outcome in outcomes)

    async def _sync_when_due(self, log: Log) -> None:
        while True:
            stats = log.stats()
            if stats.durable >= stats.head:
                await self._committed.wait()
            elif not log.sync_due():
                await trio.sleep(SYNC_CHECK_S)
            else:
                async with self._files:
                    await self._durably(log.sync)

    async def _retire_when_due(self, log: EventLog, retention_plan: RetentionPlan) -> None:
        while True:
            await trio.sleep(CHECK_S)
            with ending_on_failed_sync():
                retired, self._kept_back = await retire_due(log, retention_plan, self._run_sync, self._files)
            self._tell_trouble()
            if retired.segments:
                await self._tell(told(retired))

    def _note_low_disk(self, what: str) -> None:
        self._low_disk = what
        self._tell_trouble()

    def _tell_trouble(self, now: str = "") -> None:
        """Publish the gravest of what keeps the store from its work, or will: what does now, else what is known."""
        self._views.tell_trouble(NAME, now or self._kept_back or self._lost or self._low_disk)

    async def _tell(self, append: Append) -> None:
        """Store what is told of the log itself. A disk too slow for that is no reason to end all that waits for it."""
        try:
            await self.ref(NAME).ask(AppendEvents(append))
        except ActorError:
            self.system.dead_letters.add(NAME, "what was to be told of the log was not stored in time")

    def _query(self, message: QueryEvents, reply: Reply) -> Found | Later:
        query = message.query
        if (gone := gone_of(self._opened, message)) is not None:
            return Found(refused=gone)
        if self._looked >= FIRST_LOOK_BYTES:
            self._reads.add(Read(message, None, reply))
            return LATER
        try:
            with ending_on_damage():
                look = FIRST_LOOK_FOR_FEW if query.limit <= FIRST_LOOK else FIRST_LOOK
                page = self._opened.query(query, max_scan=look)
            self._looked += page.looked
        except StoreError as error:
            return Found(refused=refused(error))
        if page.unfinished:
            self._reads.add(Read(message, page, reply))
            return LATER
        if page.bytes > LARGE_BYTES:
            self._reads.add_large(Read(message, None, reply))
            return LATER
        return self._long_polls.answer(message, page, reply, self.nursery)

    def _found(self, read: Read) -> None:
        message, page, reply = read.message, read.page, read.reply
        assert page is not None
        if (gone := gone_of(self._opened, message)) is not None:  # meanwhile
            reply(Found(refused=gone))
            return
        found = self._long_polls.answer(message, page, reply, self.nursery)
        if isinstance(found, Found):
            reply(found)
