"""What the task of one request runs between the transport and the actors: admission, then one actor.

No handler of an actor ever waits here; the request's own task does. The hot path of `validate` is one ask of the
session (admission), a look at the cache's published table, and only on a miss an ask of the speed layer: two hops at
the most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
import trio

from actors.cache.messages import NAME as CACHE
from actors.cache.messages import Remember
from actors.event_store.messages import NAME as EVENT_STORE
from actors.event_store.messages import AppendEvents, QueryEvents, Refused
from actors.kernel import (
    DEFAULT_TIMEOUT_S,
    ROOT,
    ActorNotFound,
    Ask,
    Child,
    ChildSpec,
    Down,
    Node,
    Ref,
    System,
    notify_down,
)
from actors.monitor.messages import Health
from actors.session.messages import (
    SUPERVISOR,
    Admission,
    Admit,
    Operation,
    Principal,
    SessionInfo,
    WhoAmI,
    connection_name,
    session_name,
)
from actors.speed_layer.messages import NAME as SPEED_LAYER
from actors.speed_layer.messages import Evaluate, Explain
from actors.speed_layer.policy import Explanation, Request, Ruling, canonical
from actors.views import Views
from store import Append, Appended, Page, Query

R = TypeVar("R")


class Refusal(Exception):  # noqa: N818 - an answer of the contract, not a fault of the program
    """A request was understood and refused; nothing was done.

    Args:
        code: One of the contract's error codes.
        message: What, where and what to do next.
        detail: Fields that go with the code, such as `retry_after_s`.
    """

    def __init__(self, code: str, message: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail if detail is not None else {}


class Caller(NamedTuple):
    """Who asks: a principal, over one connection."""

    principal: Principal
    connection: int


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
        self._session = session
        self.views = views
        self._store = Ref(system, EVENT_STORE)
        self._speed_layer = Ref(system, SPEED_LAYER)
        self._cache = Ref(system, CACHE)
        self._starting: dict[str, trio.Event] = {}

    async def validate(self, caller: Caller, calls: Sequence[Call]) -> list[Verdict]:
        """Judge what the caller wants to do; verdicts come in the order of the calls. A checkpoint.

        Raises:
            Refusal: The session does not admit the request.
        """
        began = trio.current_time()
        await self._admit(
            caller,
            "validate",
        )
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

    async def explain(self, caller: Caller, call: Call) -> tuple[Verdict, Explanation]:
        """Judge one call and say why; a checkpoint.

        Raises:
            Refusal: The session does not admit the request.
        """
        began = trio.current_time()
        await self._admit(caller, "validate")
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
        await self._admit(
            caller,
            "append",
            streams=tuple({event.stream or default for event in append.events} | {default}),
            types=tuple({event.type for event in append.events}),
        )
        stored = await self._store.ask(AppendEvents(append), sent=sent)
        if stored.appended is None:
            raise _refusal(stored.refused)
        return stored.appended

    async def query(self, caller: Caller, query: Query, wait_s: float = 0.0) -> Page:
        """Read a page of events, waiting up to `wait_s` seconds for the first; a checkpoint.

        Raises:
            Refusal: Not admitted, or an invalid query.
        """
        await self._admit(caller, "read")
        found = await self._store.ask(QueryEvents(query, wait_s), timeout_s=wait_s + 5.0)
        if found.page is None:
            raise _refusal(found.refused)
        return found.page

    async def whoami(self, caller: Caller) -> SessionInfo:
        """Tell the caller who it is; a checkpoint."""
        await self._admit(caller, "read")
        return await self._ask_session(caller.principal, WhoAmI(caller.connection))

    async def tree(self, caller: Caller) -> Node:
        """Return the tree that runs, from the root supervisor down; a checkpoint."""
        await self._admit(caller, "read")
        return self._system.supervisors.find(ROOT).tree()

    def health(self) -> Health:
        """Return the published health, with the figures that change all the time made current. No checkpoint."""
        views = self.views
        return msgspec.structs.replace(views.health, sequence=views.sequence, connections=views.connections)

    def disconnected(self, caller: Caller) -> None:
        """Tell the caller's session that this connection has ended. No checkpoint."""
        down = Down(connection_name(caller.connection), "stopped")
        notify_down(self._system, session_name(caller.principal), down)

    async def _evaluate(self, policy: str, missing: dict[bytes, Request]) -> tuple[str, dict[bytes, Ruling]]:
        if not missing:
            return policy, {}
        answer = await self._speed_layer.ask(Evaluate(list(missing.values())))
        found = dict(zip(missing, answer.rulings, strict=True))
        if answer.policy == policy:  # else the keys name a policy that gave way meanwhile
            for key, ruling in found.items():
                if ruling.cacheable and ruling.verdict != "ask":
                    self._cache.tell_or_lose(Remember(key, ruling))
        return answer.policy, found

    async def _admit(
        self,
        caller: Caller,
        operation: Operation,
        *,
        cost: int = 1,
        streams: tuple[str, ...] = (),
        types: tuple[str, ...] = (),
    ) -> None:
        message = Admit(caller.connection, operation, cost, streams, types)
        admission: Admission = await self._ask_session(caller.principal, message)
        if admission.code is not None:
            detail = {} if admission.retry_after_s is None else {"retry_after_s": admission.retry_after_s}
            raise Refusal(admission.code, admission.message, detail)

    async def _ask_session(self, principal: Principal, message: Ask[R]) -> R:
        """Ask the principal's session, starting it if it does not run; a message that found no session was not read."""
        name = session_name(principal)
        until = trio.current_time() + DEFAULT_TIMEOUT_S
        while True:
            try:
                return await Ref(self._system, name).ask(message)
            except ActorNotFound:
                if trio.current_time() >= until:
                    raise
            await self._start_session(name, principal)

    async def _start_session(self, name: str, principal: Principal) -> None:
        under_way = self._starting.get(name)
        if under_way is not None:
            await under_way.wait()
            return
        done = self._starting[name] = trio.Event()
        try:
            supervisor = self._system.supervisors.find(SUPERVISOR)
            await supervisor.wait_ended(name)  # the last one may still be recording its end
            await supervisor.start_child(ChildSpec(name, lambda: self._session(principal), restart="temporary"))
        finally:
            del self._starting[name]
            done.set()


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
