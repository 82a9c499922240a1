"""A gate that answers without a hall, and a gateway in front of it over in-memory streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage

from actors.desk.gate import Call, Caller, Refusal, Verdict
from actors.desk.shares import Shares
from actors.kernel import ChildSpec, Node, Supervisor, System, running
from actors.monitor.messages import Component, Health
from actors.session.messages import Limits, Principal, SessionInfo
from actors.speed_layer.messages import ApprovalInfo, PendingApproval, PendingPage
from actors.views import Views
from store import Append, Erased, Invalid, MemoryLog, Page, Query
from transport.access.authentication import Authenticator
from transport.access.tokens import Tokens
from transport.client import connect_stream
from transport.mcp.server import make_server
from transport.websocket.connection import ConnectionLimits
from transport.websocket.gateway import NAME, Gateway
from transport.websocket.memory_listener import MemoryListener


class FakeGate:
    """Answers like the hall, from memory; `before` runs first and may refuse, crash or wait.

    With `sends`, appends are in the log at once and their outcome comes later, as where a session has given a permit.
    """

    def __init__(self) -> None:
        self.views = Views("0.0.0-test")
        self.views.health = Health("ok", "0.0.0-test", 1.0, 0, 0, 0, {"hall": Component("ok", "fake")})
        self.log = MemoryLog()
        self.disconnections: list[int] = []
        self.sends = False
        self.shares = Shares()
        self.charged: list[int] = []
        self.before: Callable[[str, Any], Any] = _nothing

    def stall(self) -> None:
        """Let no request be done from now on."""
        self.before = forever

    def resume(self) -> None:
        """Let requests be done at once again."""
        self.before = _nothing

    async def pending_approvals(self, caller: Caller, after: int = 0, limit: int = 100) -> PendingPage:
        await self.before("pending_approvals", caller)
        each = PendingApproval("a1", "deploy", {"x": 1}, None, "rover", "agent", "no rule", 2, 1, 2)
        return PendingPage([each] * (after < 3), after + 1, after < 2)

    async def pending_approval(self, caller: Caller, approval: str) -> PendingApproval:
        await self.before("pending_approval", caller)
        return PendingApproval(approval, "deploy", {"x": 1}, None, "rover", "agent", "no rule", 2, 1, 2)

    async def decide(self, caller: Caller, approval: str, decision: str, reason: str, remember: str) -> Verdict:
        await self.before("decide", approval)
        return Verdict(decision, reason, None, "p1", False, "00", 1, ApprovalInfo(approval, "decided", 2))

    async def propose_rule(self, caller: Caller, approval: str) -> str:
        await self.before("propose_rule", approval)
        return f"commands like {approval}"

    async def forget_decision(self, caller: Caller, approval: str) -> str:
        await self.before("forget_decision", approval)
        return "p1"

    async def activate_policy(self, caller: Caller, name: str, text: str, sha256: str, layer: str) -> str:
        await self.before("activate_policy", name)
        return "p2"

    async def validate(
        self, caller: Caller, calls: list[Call], wait_s: float = 0.0, person: Any = None
    ) -> list[Verdict]:
        await self.before("validate", calls)
        return [
            Verdict("ask" if call.tool != "Read" else "allow", "as the fake says", None, "p1", False, "00", 1)
            for call in calls
        ]

    def validate_nowait(self, caller: Caller, calls: list[Call]) -> list[Verdict]:
        raise trio.WouldBlock

    async def explain(self, caller: Caller, call: Call) -> tuple[Verdict, Any]:
        (verdict,) = await self.validate(caller, [call])
        return verdict, SimpleNamespace(rules=[], commands=[["ls"]], unproved=[])

    async def append_events(self, caller: Caller, append: Append, sent: Callable[[], None] | None = None) -> Any:
        await self.before("append_events", append)
        (outcome,) = self.log.commit([append])
        if isinstance(outcome, Exception):
            raise Refusal("revision_conflict", str(outcome), {"actual": getattr(outcome, "actual", None)})
        self.views.sequence = self.log.head
        return outcome

    def append_events_nowait(self, caller: Caller, append: Append) -> Any:
        if not self.sends:
            raise trio.WouldBlock
        (outcome,) = self.log.commit([append])

        async def appended() -> Any:
            await self.before("appended", append)
            return outcome

        return appended

    async def erase_stream(self, caller: Caller, stream: str) -> Erased:
        await self.before("erase_stream", stream)
        return Erased(stream=stream, events=2, last_sequence=7, gone=1)

    async def query_events(
        self, caller: Caller, query: Query, wait_s: float = 0.0, *, whole: bool = False, begins: bool = True
    ) -> Page:
        await self.before("query_events", query)
        try:
            return self.log.query(query)
        except Invalid as error:
            raise Refusal("invalid", str(error)) from None

    async def streams_between(self, after: int, until: int) -> set[str]:
        await self.before("streams_between", after)
        return {event.stream for event in self.log.query(after=after, before=until + 1, limit=1000).events}

    async def tree(self, caller: Caller) -> Node:
        return Node("root", "supervisor, one_for_one", "running", children=[Node("hall", "Fake", "running")])

    async def whoami(self, caller: Caller) -> SessionInfo:
        await self.before("whoami", caller)
        limits = Limits(None, 0, 1000, 1 << 20, 64)
        return SessionInfo(caller.principal.agent, caller.principal.role, "s1", 1_700_000_000_000_000_000, limits, {})

    def health(self) -> Health:
        return msgspec.structs.replace(self.views.health, connections=self.views.connections)

    async def charge_refused(self, principal: Principal, size: int) -> None:
        self.charged.append(size)

    async def admit_large(self, principal: Principal, size: int) -> None:
        pass

    async def wait_until_paid(self, principal: Principal) -> None:
        pass

    def disconnected(self, caller: Caller) -> None:
        self.disconnections.append(caller.connection)


async def forever(_operation: str, _what: Any) -> None:
    """For `before`: no request is ever done."""
    await trio.sleep_forever()


async def _nothing(_operation: str, _what: Any) -> None:
    await trio.lowlevel.checkpoint()


class Raw:
    """A websocket client that may do what a well-behaved one never does: wsproto over a stream, frame by frame."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.protocol = WSConnection(ConnectionType.CLIENT)
        self.answers_pings = True
        self._events: list[Any] = []
        self._text = ""

    async def open(
        self,
        token: str | None = None,
        *,
        target: str = "/mcp",
        host: str = "localhost",
        subprotocols: list[str] | None = None,
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> Any:
        """Ask for the upgrade; returns the event that answers it."""
        extra = list(headers or [])
        if token is not None:
            extra.append((b"Authorization", f"Bearer {token}".encode()))
        await self.send(Request(host=host, target=target, extra_headers=extra, subprotocols=list(subprotocols or [])))
        return await self.event()

    async def send(self, event: Any) -> None:
        await self.stream.send_all(self.protocol.send(event))

    async def text(self, text: str) -> None:
        await self.send(TextMessage(data=text))

    async def event(self) -> Any:
        """Return the next event; None at the end of the stream."""
        while not self._events:
            data = await self.stream.receive_some(65536)
            if not data:
                return None
            self.protocol.receive_data(bytes(data))
            self._events.extend(self.protocol.events())
        event = self._events.pop(0)
        if isinstance(event, Ping) and self.answers_pings:
            await self.send(event.response())
            return await self.event()
        return event

    async def message(self) -> Any:
        """Return the next JSON message, or the event that came in its place."""
        while isinstance(event := await self.event(), TextMessage):
            self._text += event.data
            if event.message_finished:
                text, self._text = self._text, ""
                return msgspec.json.decode(text)
        return event

    async def request(self, request_id: Any, method: str, params: dict[str, Any] | None = None) -> None:
        await self.text(
            msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}).decode()
        )

    async def call(self, request_id: Any, tool: str, arguments: dict[str, Any] | None = None) -> None:
        await self.request(request_id, "tools/call", {"name": tool, "arguments": arguments or {}})

    async def initialize(self) -> None:
        await self.request(
            "init",
            "initialize",
            {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}},
        )
        assert (await self.message())["id"] == "init"
        await self.text('{"jsonrpc":"2.0","method":"notifications/initialized"}')

    async def close_code(self) -> int | None:
        """Read until the close frame and return its code; None where the stream ends without one."""
        while (event := await self.event()) is not None:
            if isinstance(event, CloseConnection):
                return event.code
        return None


def hold(gate: Any) -> trio.Event:
    """Let the gate answer nothing before this event is set."""
    go_on = trio.Event()

    async def wait(*_: Any) -> None:
        await go_on.wait()

    gate.before = wait
    return go_on


class Served:
    """What a test of a listener holds: the gate behind, the tokens, and the listener that clients reach."""

    def __init__(self, gate: Any, tokens: Tokens, listener: MemoryListener) -> None:
        self.gate = gate
        self.tokens = tokens
        self.listener = listener
        self.system = System()
        self.token = tokens.add("scout")
        self.crashes: list[str] = []

    def note_crash(self, name: str, _error: BaseException) -> None:
        self.crashes.append(name)


class Front(Served):
    """A gateway that runs, and ways to reach it."""

    gateway: Gateway

    def over(self, streams: tuple[trio.abc.Stream, trio.abc.Stream]) -> trio.abc.Stream:
        """Connect over a pair of streams of the test's own: give the server the second, and return the first."""
        mine, theirs = streams
        self.listener.connect(theirs)
        return mine

    async def raw(self, stream: trio.abc.Stream | None = None, *, initialized: bool = True) -> Raw:
        """Return a raw client that is let in, over a stream that is connected already or a new one in memory."""
        raw = Raw(stream if stream is not None else self.listener.connect())
        assert isinstance(await raw.open(self.token), AcceptConnection)
        if initialized:
            await raw.initialize()
        return raw

    def client(self, token: str | None = None) -> Any:
        return connect_stream(self.listener.connect(), token=token or self.token)


@asynccontextmanager
async def running_front(
    data: Path, limits: ConnectionLimits | None = None, listener: MemoryListener | None = None, **options: Any
) -> AsyncGenerator[Front]:
    """Run a gateway before a fake gate; `data` is where the tokens are kept."""
    gate, tokens = FakeGate(), Tokens(data, clock=lambda: 1e9 + trio.current_time())
    listener = listener if listener is not None else MemoryListener()
    front = Front(gate, tokens, listener)
    server = make_server(gate, "0.0.0-test")

    def gateway() -> Gateway:
        front.gateway = Gateway(
            [listener],
            server=server,
            gate=gate,
            authenticator=Authenticator(tokens),
            limits=limits,
            on_crash=front.note_crash,
            **options,
        )
        return front.gateway

    root = Supervisor([ChildSpec(NAME, gateway)], on_crash=front.note_crash)
    async with running(root, system=front.system):
        yield front
