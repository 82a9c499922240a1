"""What the task of one request runs between the transport and the actors: admission, then one actor.

No handler of an actor ever waits here; the request's own task does. The hot path of `validate` is admission by the
permit that the session has published, a look at the cache's published table, and only on a miss an ask of the speed
layer: no hop or one, and one more where there is no permit. What needs no hop needs no task either: `validate_nowait`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import trio

from actors.cache.messages import NAME as CACHE
from actors.cache.messages import Remember
from actors.event_store.messages import NAME as EVENT_STORE
from actors.event_store.messages import AppendEvents, QueryEvents, Refused
from actors.kernel import ROOT, Child, Node, Ref, System
from actors.monitor.messages import Health
from actors.reception import Caller, Reception, Refusal
from actors.session.messages import Admit, Principal, SessionInfo, WhoAmI
from actors.speed_layer.messages import NAME as SPEED_LAYER
from actors.speed_layer.messages import Evaluate, Explain
from actors.speed_layer.policy import Explanation, Request, Ruling, canonical
from actors.views import Views
from store import Append, Appended, Page, Query

__all__ = ["Call", "Caller", "Gate", "Refusal", "Verdict"]


class Call(msgspec.Struct, frozen=True):
    """An action that an agent wants to take.

    Attributes:
        tool: The tool's name, as agents name it.
        input: The tool's arguments.
        cwd: The working directory that relative paths start from; None if unknown.
    """

    tool: str
    input: dict[str, Any]
    cwd: str | None = None


class Verdict(msgspec.Struct, frozen=True):
    """The answer to "may I?"; see the contract."""

    verdict: str
    reason: str
    rule: str | None
    policy: str
    cached: bool
    request: str
    elapsed_us: int
    approval: None = None


class Gate:
    """The hall's front desk, called by the transport. Every method may raise the kernel's `ActorError`s.

    Args:
        system: Where the actors are found.
        views: What they publish.
        session: Makes the actor of a principal's session.
    """

    def __init__(self, system: System, views: Views, session: Callable[[Principal], Child]) -> None:
        self._system = system
        self.views = views
        self._reception = Reception(system, views.permits, session)
        self._store = Ref(system, EVENT_STORE)
        self._speed_layer = Ref(system, SPEED_LAYER)
        self._cache = Ref(system, CACHE)

    async def validate(self, caller: Caller, calls: Sequence[Call]) -> list[Verdict]:
        """Judge what the caller wants to do; verdicts come in the order of the calls. A checkpoint.

        Raises:
            Refusal: The session does not admit the request.
        """
        began = trio.current_time()
        await self._reception.admit(caller, Admit(caller.connection, "validate", len(calls)))
        verdicts, role = self.views.verdicts, caller.principal.role
        canonicals = [canonical(call.tool, call.input, call.cwd) for call in calls]
        policy = self.views.policy
        keys = [verdicts.key(policy, role, each) for each in canonicals]
        known = {key: verdicts.get(key) for key in keys}
        missing = {
            key: Request(call.tool, call.input, call.cwd, role)
            for key, call in zip(keys, calls, strict=True)
            if known[key] is None
        }
        policy, found = await self._evaluate(policy, missing)
        elapsed_us = round((trio.current_time() - began) * 1e6)
        return [
            _verdict(found.get(key) or known[key], policy, each, cached=key not in found, elapsed_us=elapsed_us)
            for key, each in zip(keys, canonicals, strict=True)
        ]

    def validate_nowait(self, caller: Caller, calls: Sequence[Call]) -> list[Verdict]:
        """Judge as `validate` does, where neither admission nor a verdict has to be waited for. Does not checkpoint.

        Raises:
            trio.WouldBlock: One has; nothing was counted or paid.
        """
        began = trio.current_time()
        verdicts, role, policy = self.views.verdicts, caller.principal.role, self.views.policy
        canonicals = [canonical(call.tool, call.input, call.cwd) for call in calls]
        rulings = [verdicts.table.get(verdicts.key(policy, role, each)) for each in canonicals]
        admit = Admit(caller.connection, "validate", len(calls))
        if None in rulings or not self._reception.admit_nowait(caller, admit):
            raise trio.WouldBlock
        verdicts.hits += len(rulings)
        elapsed_us = round((trio.current_time() - began) * 1e6)
        return [
            _verdict(ruling, policy, each, cached=True, elapsed_us=elapsed_us)
            for ruling, each in zip(rulings, canonicals, strict=True)
        ]

    async def explain(self, caller: Caller, call: Call) -> tuple[Verdict, Explanation]:
        """Judge one call and say why; a checkpoint.

        Raises:
            Refusal: The session does not admit the request.
        """
        began = trio.current_time()
        await self._reception.admit(caller, Admit(caller.connection, "validate"))
        request = Request(call.tool, call.input, call.cwd, caller.principal.role)
        explained = await self._speed_layer.ask(Explain(request))
        verdict = _verdict(
            explained.explanation.ruling,
            explained.policy,
            canonical(call.tool, call.input, call.cwd),
            cached=False,
            elapsed_us=round((trio.current_time() - began) * 1e6),
        )
        return verdict, explained.explanation

    async def append(self, caller: Caller, append: Append, sent: Callable[[], None] | None = None) -> Appended:
        """Append a batch as the caller; returns when it is durable as the fsync policy promises. A checkpoint.

        Args:
            caller: Who appends.
            append: What.
            sent: Called once the batch has its place in the store's queue: what is appended after that comes after it.

        Raises:
            Refusal: Not admitted, or refused by the store.
        """
        default = append.stream or f"agent/{append.agent}"
        streams = tuple({event.stream or default for event in append.events} | {default})
        types = tuple({event.type for event in append.events})
        await self._reception.admit(caller, Admit(caller.connection, "append", 1, streams, types))
        stored = await self._store.ask(AppendEvents(append), sent=sent)
        if stored.appended is None:
            raise _refusal(stored.refused)
        return stored.appended

    async def query(self, caller: Caller, query: Query, wait_s: float = 0.0) -> Page:
        """Read a page of events, waiting up to `wait_s` seconds for the first; a checkpoint.

        Raises:
            Refusal: Not admitted, or an invalid query.
        """
        await self._reception.admit(caller, Admit(caller.connection, "read"))
        found = await self._store.ask(QueryEvents(query, wait_s), timeout_s=wait_s + 5.0)
        if found.page is None:
            raise _refusal(found.refused)
        return found.page

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
        await self._reception.admit(caller, Admit(caller.connection, "read"))
        return await self._reception.ask_session(caller.principal, WhoAmI(caller.connection))

    async def tree(self, caller: Caller) -> Node:
        """Return the tree that runs, from the root supervisor down; a checkpoint."""
        await self._reception.admit(caller, Admit(caller.connection, "read"))
        await trio.lowlevel.checkpoint()
        return self._system.supervisors.find(ROOT).tree()

    def health(self) -> Health:
        """Return the published health, with the figures that change all the time made current. No checkpoint."""
        views = self.views
        return msgspec.structs.replace(views.health, sequence=views.sequence, connections=views.connections)

    def disconnected(self, caller: Caller) -> None:
        """Tell the caller's session that this connection has ended. No checkpoint."""
        self._reception.disconnected(caller)

    async def _evaluate(self, policy: str, missing: dict[bytes, Request]) -> tuple[str, dict[bytes, Ruling]]:
        if not missing:
            await trio.lowlevel.checkpoint()
            return policy, {}
        answer = await self._speed_layer.ask(Evaluate(list(missing.values())))
        found = dict(zip(missing, answer.rulings, strict=True))
        if answer.policy == policy:  # else the keys name a policy that gave way meanwhile
            for key, ruling in found.items():
                if ruling.cacheable and ruling.verdict != "ask":
                    self._cache.tell_or_lose(Remember(key, ruling))
        return answer.policy, found


def _verdict(ruling: Ruling | None, policy: str, canonical_request: bytes, *, cached: bool, elapsed_us: int) -> Verdict:
    assert ruling is not None
    return Verdict(
        verdict=ruling.verdict,
        reason=ruling.reason,
        rule=ruling.rule,
        policy=policy,
        cached=cached,
        request=hashlib.blake2b(canonical_request, digest_size=16).hexdigest(),
        elapsed_us=elapsed_us,
    )


def _refusal(refused: Refused | None) -> Refusal:
    assert refused is not None
    return Refusal(refused.code, refused.message, refused.detail)
