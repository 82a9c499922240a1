"""A store in memory whose answers may be lost, after or before the work is done, as whoever appends must expect."""

from __future__ import annotations

from typing import Any

import trio

from actors.event_store.messages import AppendEvents, Found, Refused, Stored
from actors.kernel import AskTimeout
from store import Append, ConditionFailed, MemoryLog, NewEvent, RevisionConflict, StoreError


class LossyStore:
    """Stands in for a reference to the event store.

    Attributes:
        log: What was stored.
        faults: What becomes of the next appends, the first first; None, and whatever comes behind, is no fault.
    """

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.faults: list[str | None] = []

    async def ask(self, message: Any) -> Any:
        """Append or query, or fail as is wanted; a checkpoint."""
        await trio.lowlevel.checkpoint()
        if not isinstance(message, AppendEvents):
            return Found(page=self.log.query(message.query))
        fault = self.faults.pop(0) if self.faults else None
        if fault == "lost on the way there":
            raise AskTimeout("event_store", 5.0)
        if fault == "unavailable":
            return Stored(refused=Refused("unavailable", "the disk is full"))
        if fault == "another writer":
            self.log.append([NewEvent(type="theirs")] * 2, stream="s")
        stored = self._append(message.append)
        if fault == "lost on the way back":
            raise AskTimeout("event_store", 5.0)
        return stored

    def _append(self, append: Append) -> Stored:
        try:
            (outcome,) = self.log.commit([append])
        except StoreError as error:
            outcome = error
        if isinstance(outcome, RevisionConflict):
            return Stored(refused=Refused("revision_conflict", str(outcome), {"actual": outcome.actual}))
        if isinstance(outcome, ConditionFailed):
            return Stored(refused=Refused("condition_failed", str(outcome)))
        assert not isinstance(outcome, StoreError)
        return Stored(appended=outcome)
