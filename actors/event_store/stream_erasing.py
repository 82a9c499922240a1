"""Erases streams while the hall is at work: in bounded steps on the disk's side, one stream at a time.

What has begun goes on, also where whoever asked for it has left; what a stop cuts off, the next start ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from actors.event_store.error_codes import refused
from actors.event_store.fatal_errors import ending_on_damage, ending_on_failed_sync
from actors.event_store.messages import EraseStream, Erasing, Refused, Stored
from actors.kernel import LATER, ActorError, Later, Reply
from actors.ports import RunSync
from store import Append, Erased, Erasure, Log, StoreError

WAITING = 16
"""How many erasings may wait for the one under way: each goes through all of the log."""


class StreamErasing:
    """Carries erasings out, one after the other.

    Args:
        run_sync: Where disk work runs.
        files: Held while files are being written: the log must not be closed, nor segments leave it then.
        append: Appends what is told of an erasing.
    """

    def __init__(self, run_sync: RunSync, files: trio.Lock, append: Callable[[Append], Awaitable[Stored]]) -> None:
        self._run_sync = run_sync
        self._files = files
        self._append = append
        self._turn = trio.Lock()

    def begin(self, log: Log, message: EraseStream, reply: Reply, nursery: trio.Nursery) -> Erasing | Later:
        """Begin to erase a stream, or say that too many wait. Does not checkpoint."""
        if self._turn.statistics().tasks_waiting >= WAITING:
            return Erasing(refused=Refused("unavailable", "many streams wait to be erased; try again later"))
        nursery.start_soon(self.run, log, message, reply)
        return LATER

    async def run(self, log: Log, message: EraseStream, reply: Reply) -> None:
        """Erase a stream, and answer; a checkpoint.

        Raises:
            DiskSyncFailed: The disk did not confirm.
            LogUnusable: The log turned out to be damaged.
        """
        async with self._turn:
            try:
                with ending_on_failed_sync(), ending_on_damage():
                    answer = await self._erased(log, message)
            except StoreError as error:
                answer = Erasing(refused=refused(error))
            except ActorError as error:
                why = f"the stream is erased, and that is not told in the log yet: erase it again ({error})"
                answer = Erasing(refused=Refused("unavailable", why))
        reply(answer)

    async def _erased(self, log: Log, message: EraseStream) -> Erasing:
        before = 0
        while True:
            erasure = log.erasing(message.stream, agent=message.agent)
            while await self._step(erasure):
                erasure.mend()
            if (told := erasure.told()) is not None:
                stored = await self._append(told)
                if stored.refused is not None:
                    return Erasing(refused=stored.refused)
            async with self._files:
                await self._run_sync(erasure.end)
            done = erasure.erased
            if not erasure.resumed:
                events = before + done.events
                return Erasing(
                    Erased(stream=done.stream, events=events, last_sequence=done.last_sequence, gone=done.gone)
                )
            before += done.events

    async def _step(self, erasure: Erasure) -> bool:
        async with self._files:
            return await self._run_sync(erasure.step)
