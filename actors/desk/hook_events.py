"""What hooks tell after the fact: that a tool ran, that a session or a subagent began or ended.

An `ask` of a hook is put to the person at the agent's client. Whether they said yes is known once the tool ran: then it
is recorded as their decision, with the session where they gave it, and an approval that waits in the hall for the same
thing is answered for this agent. The hall sees neither the person nor the prompt: it records what the agent's own hook
tells, and nothing here allows anything.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import trio

from actors.desk.admission import Admissions, Caller
from actors.event_store.messages import NAME as EVENT_STORE
from actors.event_store.messages import AppendEvents
from actors.kernel import Ref, System
from actors.session.messages import Admit
from actors.speed_layer.audit.buffer import AUDIT_STREAM
from actors.speed_layer.audit.form_search import without_forms
from actors.speed_layer.call_and_verdict import Origin, Verdict
from actors.speed_layer.governing.stored_bytes import spent
from actors.speed_layer.messages import NAME as SPEED_LAYER
from actors.speed_layer.messages import AnswerOwn
from actors.speed_layer.policy.ruling import Files
from actors.speed_layer.written.log_notes import FILES_TAG, in_log
from actors.speed_layer.written.written_files import Notes, Seen
from actors.views import Views
from store import Append, NewEvent

TOOL_RAN: Final = "moothall.tool.ran"

MOST_REMEMBERED: Final = 4096
"""How many calls are remembered until their tool ran: far more than run at once; the oldest is forgotten first."""

EVENT_BYTES: Final = 512
"""How many bytes an event counts as on its agent's account, as with verdicts."""

ASKED_NOBODY: Final = frozenset({"bypassPermissions", "dontAsk", "auto"})
"""The modes of Claude Code in which no person has answered."""


class _Given(NamedTuple):
    """The verdict on a call that a hook asked about, and what a person is asked to run by it."""

    verdict: str
    request: str
    approval: str | None
    seen: Seen


class HookEvents:
    """Records what hooks tell. Every coroutine is a checkpoint and may raise the kernel's `ActorError`s.

    Args:
        system: Where the actors are found.
        views: What they publish.
        admissions: Admits requests.
    """

    def __init__(self, system: System, views: Views, admissions: Admissions) -> None:
        self._views = views
        self._admissions = admissions
        self._store = Ref(system, EVENT_STORE)
        self._speed_layer = Ref(system, SPEED_LAYER)
        self._given: OrderedDict[tuple[str, str | None, str], _Given] = OrderedDict()

    def remember(self, agent: str, origin: Origin, verdict: Verdict, files: Files | None = None) -> None:
        """Keep the verdict on a call until its tool ran. Does not checkpoint."""
        if origin.tool_use_id is None:
            return
        approval = None if verdict.approval is None else verdict.approval.id
        seen: Seen = {}
        if files is not None and verdict.verdict == "ask":
            seen = self._views.written.all_held(agent, origin.session_id, files)
        given = _Given(verdict.verdict, verdict.request, approval, seen)
        self._given[agent, origin.session_id, origin.tool_use_id] = given
        if len(self._given) > MOST_REMEMBERED:
            self._given.popitem(last=False)

    async def tool_ran(
        self, caller: Caller, tool: str, origin: Origin, *, failed: bool, cwd: str | None, mode: str | None
    ) -> None:
        """Record that a tool ran, and the person's decision where the hall's verdict had been `ask`.

        Args:
            caller: Whose hook tells it.
            tool: The tool.
            origin: Where the call came from.
            failed: Whether it ended in an error.
            cwd: Where the agent stands.
            mode: What the client does with questions, in its own words.

        Raises:
            Refusal: Not admitted.
        """
        agent = caller.principal.agent
        given = self._given.pop((agent, origin.session_id, origin.tool_use_id or ""), None)
        told: dict[str, Any] = {"tool": tool, "failed": failed, "verdict": None}
        approved: tuple[str, ...] = ()
        if given is not None:
            told |= {"verdict": given.verdict, "request": given.request, "approval": given.approval}
            if given.verdict == "ask" and mode not in ASKED_NOBODY:
                told["allowed_by"] = f"the person at the client of {agent}"
                told["allowed_in"] = cwd
                approved = self._views.written.approve(agent, origin.session_id, given.seen)
        await self.told(caller, TOOL_RAN, origin, told, approved)
        if given is not None and given.approval is not None and "allowed_by" in told:
            await self._speed_layer.ask(AnswerOwn(given.approval, agent, "allow"))

    async def told(
        self,
        caller: Caller,
        event_type: str,
        origin: Origin,
        data: Mapping[str, Any],
        approved: tuple[str, ...] = (),
    ) -> None:
        """Record what a hook tells, on the account of its agent; nothing where that has no bytes left.

        Args:
            caller: Whose hook tells it.
            event_type: The type of the event.
            origin: Where it comes from.
            data: What is told.
            approved: The files that the person has approved to run by it.

        Raises:
            Refusal: Not admitted.
        """
        principal = caller.principal
        await self._admissions.admit(caller, Admit(caller.connection, "validate"))
        if spent(self._views.audit.spend, principal.agent, principal.role, trio.current_time(), EVENT_BYTES):
            return
        who = {"agent": principal.agent, "session_id": origin.session_id, "agent_id": origin.agent_id}
        shown = {
            name: without_forms(value)[0] if isinstance(value, str) else value
            for name, value in {**who, "tool_use_id": origin.tool_use_id, **data}.items()
        }
        if approved:
            shown |= in_log(Notes(approves=approved), lambda path: without_forms(path)[0])
        event = NewEvent(type=event_type, data=shown, stream=AUDIT_STREAM, tags=(FILES_TAG,) if approved else ())
        await self._store.ask(AppendEvents(Append(events=[event], agent="moothall", stream=AUDIT_STREAM)))
