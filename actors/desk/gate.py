"""What the task of one request runs between the transport and the actors: admission, then one actor.

No handler of an actor ever waits here; the request's own task does. What judging takes is in `judge_request.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext

import trio
from msgspec.structs import replace

from actors.desk.admission import Admissions, Caller, Refusal
from actors.desk.await_decision import Person
from actors.desk.expert_actions import ExpertActions
from actors.desk.hook_events import HookEvents
from actors.desk.judge_request import RequestJudge
from actors.desk.shares import Shares
from actors.event_store.messages import NAME as EVENT_STORE
from actors.event_store.messages import AppendEvents, EraseStream, QueryEvents, Refused, Stored
from actors.kernel import DEFAULT_TIMEOUT_S, ROOT, Child, Node, Ref, System
from actors.monitor.messages import Health
from actors.session.messages import Admit, Principal, SessionInfo, WhoAmI
from actors.session.stream_visibility import hidden_from
from actors.speed_layer.call_and_verdict import Call, Verdict
from actors.views import Views
from store import Append, Appended, Erased, Page, Query

__all__ = ["Call", "Caller", "Gate", "Person", "Refusal", "Verdict"]


ERASING_S = 600.0
"""How long the answer to an erasing is waited for, in seconds: it goes through all of the log, and goes on anyway."""


class Gate:
    """The hall's front desk, called by the transport. Every method may raise the kernel's `ActorError`s.

    Args:
        system: Where the actors are found.
        views: What they publish.
        session: Makes the actor of a principal's session.

    Attributes:
        views: As given.
        shares: How much each principal may have at once.
        hooks: Told what happened.
    """

    def __init__(self, system: System, views: Views, session: Callable[[Principal], Child]) -> None:
        self._system = system
        self.views = views
        self.shares = Shares()
        self._admissions = Admissions(system, views.prepaid, session)
        self.charge_refused = self._admissions.charge_refused
        self.admit_large = self._admissions.admit_large
        self.wait_until_paid = self._admissions.wait_until_paid
        self._store = Ref(system, EVENT_STORE)
        self.hooks = HookEvents(system, views, self._admissions)
        judge = RequestJudge(system, views, self._admissions, self.shares.waits, self.hooks.remember)
        self.validate = judge.validate
        self.validate_nowait = judge.validate_nowait
        self.explain = judge.explain
        experts = ExpertActions(system, self._admissions)
        self.pending_approvals = experts.pending_approvals
        self.pending_approval = experts.pending_approval
        self.decide = experts.decide
        self.propose_rule = experts.propose_rule
        self.forget_decision = experts.forget_decision
        self.activate_policy = experts.activate_policy

    async def append_events(self, caller: Caller, append: Append, sent: Callable[[], None] | None = None) -> Appended:
        """Append a batch as the caller; returns when it is durable as the fsync policy promises. A checkpoint.

        Args:
            caller: Who appends.
            append: What.
            sent: Called once the batch has its place in the store's queue: what is appended after that comes after it.

        Raises:
            Refusal: Not admitted, or refused by the store.
        """
        await self._admissions.admit(caller, _admission(caller, append))
        stored = await self._store.ask(_asked(caller, append), sent=sent)
        return _appended(stored)

    def append_events_nowait(self, caller: Caller, append: Append) -> Callable[[], Awaitable[Appended]]:
        """Begin an append: give a batch its place in the store's queue; what it returns waits for the outcome, once.

        Does not checkpoint: what is appended after that comes after it. See `append_events`.

        Raises:
            trio.WouldBlock: The session has to be asked; nothing was counted or paid.
            Refusal: The condition is over what the caller may not read; the same.
            ActorError: The store does not run, or its queue is full; the same.
        """
        admission = _admission(caller, append)
        if not self._admissions.would_admit(caller, admission):
            raise trio.WouldBlock
        asked = self._store.send(_asked(caller, append))
        self._admissions.admit_nowait(caller, admission)

        async def appended() -> Appended:
            return _appended(await asked.answer())

        return appended

    async def query_events(
        self, caller: Caller, query: Query, wait_s: float = 0.0, *, whole: bool = False, begins: bool = True
    ) -> Page:
        """Read a page of events, waiting up to `wait_s` seconds for the first; a checkpoint.

        Args:
            caller: Who reads.
            query: What.
            wait_s: How long, in seconds.
            whole: Whether to refuse what asks for events that have left the log.
            begins: Whether the query's `after` says where to begin, and not only that it takes what there is.

        Raises:
            Refusal: Not admitted, an invalid query, too many that wait, or what is asked for has left the log.
        """
        await self._admissions.admit(caller, Admit(caller.connection, "read"))
        seen, principal = _seen_by(caller, query), caller.principal
        asked = QueryEvents(seen, wait_s, principal.agent, caller.connection, whole, begins)
        with self.shares.waits.held(caller.principal) if wait_s > 0 else nullcontext():
            found = await self._store.ask(asked, timeout_s=wait_s + DEFAULT_TIMEOUT_S)
        if found.page is None:
            raise _refusal(found.refused)
        return found.page

    async def erase_stream(self, caller: Caller, stream: str) -> Erased:
        """Erase what the events of a stream hold, for good; a checkpoint.

        Raises:
            Refusal: The caller is no admin, or the store refuses to erase that stream.
        """
        await self._admissions.admit(caller, Admit(caller.connection, "erase"))
        done = await self._store.ask(EraseStream(stream, caller.principal.agent), timeout_s=ERASING_S)
        if done.erased is None:
            raise _refusal(done.refused)
        return done.erased

    async def streams_between(self, after: int, until: int) -> set[str]:
        """Return the streams that have an event with a sequence above `after` and up to `until`; a checkpoint.

        For the server's own use: nobody is admitted here.
        """
        found: set[str] = set()
        while after < until:
            answer = await self._store.ask(QueryEvents(Query(after=after, before=until + 1, limit=1000)))
            if answer.page is None:
                raise _refusal(answer.refused)
            found.update(event.stream for event in answer.page.events)
            after = answer.page.events[-1].sequence if answer.page.events else until
        return found

    async def whoami(self, caller: Caller) -> SessionInfo:
        """Tell the caller who it is; a checkpoint."""
        await self._admissions.admit(caller, Admit(caller.connection, "read"))
        return await self._admissions.ask_session(caller.principal, WhoAmI(caller.connection))

    async def tree(self, caller: Caller) -> Node:
        """Return the tree that runs, from the root supervisor down; a checkpoint."""
        await self._admissions.admit(caller, Admit(caller.connection, "read"))
        await trio.lowlevel.checkpoint()
        return self._system.supervisors.find(ROOT).tree()

    def health(self) -> Health:
        """Return the published health, with the figures that change all the time made current. No checkpoint."""
        views = self.views
        return replace(views.health, sequence=views.sequence, connections=views.connections)

    def disconnected(self, caller: Caller) -> None:
        """Tell the caller's session that this connection has ended. No checkpoint."""
        self._admissions.disconnected(caller)


def _admission(caller: Caller, append: Append) -> Admit:
    default = append.stream or f"agent/{append.agent}"
    streams = tuple({event.stream or default for event in append.events} | {default})
    types = tuple({event.type for event in append.events})
    return Admit(caller.connection, "append", 1, streams, types)


def _asked(caller: Caller, append: Append) -> AppendEvents:
    """Ask for an append on its caller's account; its condition looks at no more than the caller may read."""
    if (fail_if := append.fail_if) is not None:
        query = None if fail_if.query is None else _seen_by(caller, fail_if.query)
        queries = tuple(_seen_by(caller, each) for each in fail_if.queries)
        append = replace(append, fail_if=replace(fail_if, query=query, queries=queries))
    for stream in append.expected or ():
        _refuse_hidden(caller, stream)  # a conflict would tell where it is
    return AppendEvents(append, caller.principal.role != "admin")


def _appended(stored: Stored) -> Appended:
    if stored.appended is None:
        raise _refusal(stored.refused)
    return stored.appended


def _seen_by(caller: Caller, query: Query) -> Query:
    """Leave out what the caller's role may not read, inside the query: no filter and no condition reaches it."""
    hidden = hidden_from(caller.principal.role)
    if query.stream is not None:
        _refuse_hidden(caller, query.stream)
    return replace(query, hidden=hidden) if hidden else query


def _refuse_hidden(caller: Caller, stream: str) -> None:
    if stream in hidden_from(caller.principal.role):
        raise Refusal("forbidden", f"stream {stream!r} is read by experts and admins; ask one of them")


def _refusal(refused: Refused | None) -> Refusal:
    assert refused is not None
    return Refusal(refused.code, refused.message, refused.detail)
