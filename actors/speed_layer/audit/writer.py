"""Stores the audit buffer in the log, batch by batch; a task of the speed layer's nursery runs it.

A batch is a command, and so is each part of one that the log does not take whole: where the outcome is unknown (the
store died, or took too long, or this task was begun anew) it is stored again under the same command id, and so once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec
import trio

from actors.event_store.messages import AppendEvents
from actors.kernel import ActorError, Ref
from actors.ports import RunSync
from actors.speed_layer.audit.buffer import AUDIT_STREAM, AuditBuffer, Batch
from actors.speed_layer.audit.form_search import prepare
from actors.speed_layer.audit.verdict_events import GAP, VerdictEvents, gap_event, standing_alone
from store import Append, NewEvent

RETRY_S: Final = 0.2
"""How long to wait before a batch is tried again, in seconds: long beside a disk sync, short beside `STALLED_S`."""

MAX_SPLITS: Final = 32
"""How often a batch that the log refuses is split in two, to find what it does not take: three events of a thousand.

The rest is stored bare then, at once: every split costs all who wait two appends, some 5 ms each.
"""

_KEPT: Final = ("agent", "role", "labels", "request", "verdict", "rule", "policy", "cached")
"""What is kept of a verdict whose event the log refuses."""


class AuditWriter:
    """Moves verdicts from the buffer to the log.

    Args:
        buffer: Where they come from.
        store: Where they go.
        new_name: Makes names for batches, each unlike any other.
        stalled: Told that the audit cannot be written, and an empty text when it can again.
        run_sync: Compiles the masks, once a process.
    """

    def __init__(
        self,
        buffer: AuditBuffer,
        store: Ref,
        new_name: Callable[[], str],
        stalled: Callable[[str], None],
        run_sync: RunSync,
    ) -> None:
        self._buffer = buffer
        self._store = store
        self._new_name = new_name
        self._storing = trio.Lock()
        self._stopping = False
        self._tell_stalled = stalled
        self._run_sync = run_sync
        self._told_stalled = False
        self._splits_left = MAX_SPLITS

    async def run(self) -> None:
        """Store what comes, for ever; a checkpoint."""
        while True:
            await self._buffer.wait()
            await self._store_batch()
            while not self._buffer.held and self._buffer.batch().entries:
                await self._store_batch()  # a gap with nothing behind it

    async def drain(self) -> None:
        """Store what is there, and give up where the store refuses; a checkpoint."""
        self._stopping = True
        await trio.lowlevel.checkpoint()
        while self._buffer.batch().entries:
            if not await self._store_batch():
                return

    async def _store_batch(self) -> bool:
        async with self._storing:
            batch = self._buffer.batch()
            if not batch.entries:
                return True
            batch.name = batch.name or self._new_name()
            if not prepare.cache_info().currsize:
                await self._run_sync(prepare)
            if batch.events is None:
                verdicts = await self._events(batch)
                batch.events, batch.reasons = verdicts.events, verdicts.reasons
            self._splits_left = MAX_SPLITS
            done = await self._append(batch.events, batch.name, batch.reasons)
            if done:
                self._buffer.acknowledge(trio.current_time())
                self._tell("")
            return done

    def _tell(self, why: str) -> None:
        if bool(why) != self._told_stalled:
            self._told_stalled = bool(why)
            self._tell_stalled(why)

    async def _events(self, batch: Batch) -> VerdictEvents:
        now = trio.current_time()
        verdicts = VerdictEvents(self._buffer.stored, self._buffer.reason_of, self._buffer.spend)
        events = verdicts.events
        for entry in batch.entries:
            if isinstance(entry, int):
                events.append(gap_event(entry))
                continue
            every = range(len(entry.calls))
            await verdicts.add_all(entry, every, inputs=self._buffer.inputs, late_s=now - entry.at)
        return verdicts

    async def _append(
        self, events: list[NewEvent], name: str, reasons: Mapping[str, dict[str, str]] = MappingProxyType({})
    ) -> bool:
        append = Append(events=events, agent="moothall", stream=AUDIT_STREAM, command_id=name)
        while True:
            try:
                stored = await self._store.ask(AppendEvents(append))
            except ActorError as error:
                code, why = "unavailable", str(error)
            else:
                if stored.appended is not None:
                    self._buffer.stored.note(events, stored.appended.first_sequence, reasons)
                    self._buffer.progressed(trio.current_time())
                    return True
                code, why = ("", "") if stored.refused is None else (stored.refused.code, stored.refused.message)
            if code in {"invalid", "too_large"} and [event.type for event in events] != [GAP]:
                return await self._append_apart(standing_alone(events), name)
            if self._stopping:
                return False
            if self._buffer.stalled(trio.current_time()):
                self._tell(f"verdicts cannot be stored ({why}); nothing is allowed until they can")
            await trio.sleep(RETRY_S)

    async def _append_apart(self, events: list[NewEvent], name: str) -> bool:
        """Find the event that the log does not take and store it without what came from outside, or as a gap."""
        if len(events) == 1 or not self._splits_left:
            bare = [_bare(event) for event in events]
            if bare == events:
                return await self._append([gap_event(sum(map(_verdicts, events)))], f"{name}.gap")
            return await self._append(bare, f"{name}.bare")
        self._splits_left -= 1
        middle = len(events) // 2
        first = await self._append(events[:middle], f"{name}.1")
        return first and await self._append(events[middle:], f"{name}.2")


def _bare(event: NewEvent) -> NewEvent:
    if event.type == GAP:
        return event
    return msgspec.structs.replace(event, data={key: event.data[key] for key in _KEPT if key in event.data})


def _verdicts(event: NewEvent) -> int:
    """Return how many verdicts an event stands for."""
    count: int = event.data["count"] if event.type == GAP else 1
    return count
