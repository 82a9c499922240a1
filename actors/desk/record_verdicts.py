"""How verdicts that the speed layer had a part in come into the log: before they are given where a rule asks for it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import trio

from actors.desk.admission import Caller
from actors.desk.call_files import CallFiles, FilesOf
from actors.desk.verdicts import withheld
from actors.event_store.messages import AppendEvents
from actors.kernel import ActorError, Ref
from actors.speed_layer.audit.buffer import AUDIT_STREAM, Entry
from actors.speed_layer.audit.verdict_events import VerdictEvents
from actors.speed_layer.call_and_verdict import Call, Verdict
from actors.speed_layer.policy.engine import Ruling
from actors.views import Views
from store import Append


class VerdictRecord:
    """Records verdicts.

    Args:
        store: The event store.
        views: What the actors publish.
        files: Notes the files of calls.
    """

    def __init__(self, store: Ref, views: Views, files: CallFiles) -> None:
        self._store = store
        self._views = views
        self._files = files

    async def recorded(
        self,
        caller: Caller,
        calls: Sequence[Call],
        rulings: Sequence[Ruling],
        given: list[Verdict],
        *,
        size: int,
        files_of: FilesOf,
    ) -> list[Verdict]:
        """Record verdicts: those of rules with `audit = "durable"` at once, and as `ask` where that fails.

        While the audit cannot be written at all, no rule's `allow` is given.

        Args:
            caller: Who asks.
            calls: What for.
            rulings: The rulings.
            given: What is answered.
            size: How many bytes the requests have.
            files_of: Returns the files of a call.
        """
        if self._views.audit.stalled(trio.current_time()):
            given = [withheld(each) for each in given]
        asker = caller.principal
        notes = self._files.noted(asker.agent, calls, rulings, given, files_of)
        entry = Entry(asker.agent, asker.role, calls, given, trio.current_time(), size, notes, asker.labels)
        durable = [n for n, ruling in enumerate(rulings) if ruling.durable]
        if not durable:
            self._views.audit.add(entry)
            return given
        why = await self._store_durably(entry, durable)
        if why is not None:
            for n in durable:
                reason = f"the audit record that rule {given[n].rule!r} asks for could not be stored ({why})"
                given[n] = msgspec.structs.replace(given[n], verdict="ask", reason=reason)
            self._views.audit.add(entry)
        else:
            others = [n for n in range(len(given)) if n not in set(durable)]
            if others:
                self._views.audit.add(entry.only(others))
        return given

    async def _store_durably(self, entry: Entry, indices: list[int]) -> str | None:
        """Return why the events could not be stored, None if they were."""
        audit = self._views.audit
        verdicts = VerdictEvents(audit.stored, audit.reason_of, audit.spend)
        await verdicts.add_all(entry, indices, inputs=audit.inputs)
        append = Append(events=verdicts.events, agent="moothall", stream=AUDIT_STREAM)
        try:
            stored = await self._store.ask(AppendEvents(append))
        except ActorError as error:
            return str(error)
        if stored.appended is None:
            return "refused" if stored.refused is None else stored.refused.message
        audit.stored.note(verdicts.events, stored.appended.first_sequence, verdicts.reasons)
        return None
