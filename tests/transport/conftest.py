"""A gate that answers without a hall, and a gateway in front of it over in-memory streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from actors.gate import Call, Caller, Refusal, Verdict
from actors.kernel import ChildSpec, Supervisor, System, running
from actors.monitor.messages import Component, Health
from actors.session.messages import Limits, SessionInfo
from actors.views import Views
from store import Append, MemoryLog, Page, Query
from transport.auth import Tokens
from transport.client import HallClient, connect_stream
from transport.door import Door
from transport.gateway import NAME, Gateway
from transport.memory import MemoryListener
from transport.tools import make_server
from transport.websocket import ConnectionLimits


class FakeGate:
    """Answers like the hall, from memory; `before` runs first and may refuse, crash or wait."""

    def __init__(self) -> None:
        self.views = Views("0.0.0-test")
        self.views.health = Health("ok", "0.0.0-test", 1.0, 0, 0, 0, {"hall": Component("ok", "fake")})
        self.log = MemoryLog()
        self.disconnections: list[int] = []
        self.before: Callable[[str, Any], Any] = _nothing

    async def validate(self, caller: Caller, calls: list[Call]) -> list[Verdict]:
        await self.before("validate", calls)
        return [
            Verdict("ask" if call.tool != "Read" else "allow", "as the fake says", None, "p1", False, "00", 1)
            for call in calls
        ]

    async def append(self, caller: Caller, append: Append) -> Any:
        await self.before("append", append)
        (outcome,) = self.log.commit([append])
        if isinstance(outcome, Exception):
            raise Refusal("revision_conflict", str(outcome), {"actual": getattr(outcome, "actual", None)})
        return outcome

    async def query(self, caller: Caller, query: Query, wait_s: float = 0.0) -> Page:
        await self.before("query", query)
        return self.log.query(**{name: getattr(query, name) for name in query.__struct_fields__})

    async def whoami(self, caller: Caller) -> SessionInfo:
        await self.before("whoami", caller)
        limits = Limits(None, 0, 1000, 1 << 20, 64)
        return SessionInfo(caller.principal.agent, caller.principal.role, "s1", 1_700_000_000_000_000_000, limits, {})

    def health(self) -> Health:
        return msgspec.structs.replace(self.views.health, connections=self.views.connections)

    def disconnected(self, caller: Caller) -> None:
        self.disconnections.append(caller.connection)


async def _nothing(_operation: str, _what: Any) -> None:
    await trio.lowlevel.checkpoint()


class Front:
    """A gateway that runs, and ways to reach it."""

    def __init__(self, gate: FakeGate, tokens: Tokens, listener: MemoryListener, system: System) -> None:
        self.gate = gate
        self.tokens = tokens
        self.listener = listener
        self.system = system
        self.token = tokens.add("scout")
        self.crashes: list[str] = []

    def client(self, token: str | None = None) -> Any:
        return connect_stream(self.listener.connect(), token=token or self.token)


@pytest.fixture
def front(tmp_path: Path) -> Callable[..., Any]:
    """Return an async context manager that runs a gateway before a fake gate."""

    @asynccontextmanager
    async def run(limits: ConnectionLimits | None = None, **options: Any) -> AsyncGenerator[Front]:
        gate, tokens, listener, system = FakeGate(), Tokens(tmp_path), MemoryListener(), System()
        front = Front(gate, tokens, listener, system)
        server = make_server(gate, "0.0.0-test")

        def gateway() -> Gateway:
            return Gateway(
                [listener],
                server=server,
                gate=gate,
                door=Door(tokens),
                limits=limits,
                on_crash=lambda name, error: front.crashes.append(f"{name}: {error!r}"),
                **options,
            )

        async with running(Supervisor([ChildSpec(NAME, gateway)]), system=system):
            yield front
        assert front.crashes == []

    return run


@pytest.fixture
def hall(front: Callable[..., Any]) -> Callable[..., Any]:
    """Return an async context manager that yields (front, client)."""

    @asynccontextmanager
    async def run(**options: Any) -> AsyncGenerator[tuple[Front, HallClient]]:
        async with front(**options) as running_front, running_front.client() as client:
            yield running_front, client

    return run
