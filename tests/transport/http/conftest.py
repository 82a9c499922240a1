"""An HTTP server before a fake gate over in-memory streams, and a client that speaks to it in bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h11
import msgspec
import pytest
import trio

from actors.kernel import ChildSpec, Supervisor, running
from transport.access.authentication import Authenticator
from transport.access.tokens import Tokens
from transport.http.connection import HttpLimits
from transport.http.listener import NAME, HttpServer
from transport.mcp.resource_updates import ResourceUpdates
from transport.mcp.server import make_server
from transport.websocket.memory_listener import MemoryListener

from fake_front import Served

MCP_ACCEPT = "application/json, text/event-stream"


class Reply(NamedTuple):
    """A response: its status, its headers with names in lower case, its whole body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def events(self) -> list[Any]:
        """The messages of an event stream."""
        lines = self.body.decode().splitlines()
        return [msgspec.json.decode(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    @property
    def message(self) -> Any:
        """The one message that answers a POST, in whichever form it came."""
        return self.events[-1] if self.headers["content-type"].startswith("text/event-stream") else self.json


class Wire:
    """One HTTP connection from the client's side."""

    def __init__(self, stream: trio.abc.Stream, token: str | None) -> None:
        self.stream = stream
        self.token = token
        self.protocol = h11.Connection(h11.CLIENT)
        self.last: dict[str, str] = {}

    async def begin(self, method: str, target: str, body: bytes = b"", **headers: str) -> None:
        """Send a request; names of headers are written with `_` for `-`."""
        named = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.token is not None:
            named.setdefault("authorization", f"Bearer {self.token}")
        if body and "transfer-encoding" not in named:
            named.setdefault("content-length", str(len(body)))
        request = h11.Request(method=method, target=target, headers=list(named.items()))
        data = self.protocol.send(request) + (self.protocol.send(h11.Data(data=body)) if body else b"")
        await self.stream.send_all(data + self.protocol.send(h11.EndOfMessage()))

    async def head(self, target: str, *lines: str) -> None:
        """Send the head of a POST alone."""
        own = [f"POST {target} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.token}", *lines, "", ""]
        self.protocol.send(h11.Request(method="POST", target=target, headers=[("host", "localhost")]))
        await self.stream.send_all("\r\n".join(own).encode())

    async def head_as_it_is(self, target: str, lines: list[str], body: bytes) -> None:
        """Send a POST whose headers are written as they are given, also twice or empty."""
        self.protocol.send(h11.Request(method="POST", target=target, headers=[("host", "localhost")]))
        self.protocol.send(h11.EndOfMessage())
        await self.stream.send_all("\r\n".join([f"POST {target} HTTP/1.1", *lines, "", ""]).encode() + body)

    async def event(self) -> Any:
        """Return the next thing that comes: an event of h11's."""
        while (event := self.protocol.next_event()) is h11.NEED_DATA:
            self.protocol.receive_data(bytes(await self.stream.receive_some(65536)))
        return event

    async def reply(self) -> Reply:
        """Return the response to what was begun."""
        while isinstance(head := await self.event(), h11.InformationalResponse):
            pass
        body = b""
        while isinstance(event := await self.event(), h11.Data):
            body += event.data
        assert isinstance(event, h11.EndOfMessage)
        if self.protocol.states[h11.SERVER] is h11.DONE:
            self.protocol.start_next_cycle()
        self.last = {key.decode(): value.decode() for key, value in head.headers}
        return Reply(head.status_code, self.last, body)

    async def request(self, method: str, target: str, body: bytes = b"", **headers: str) -> Reply:
        await self.begin(method, target, body, **headers)
        return await self.reply()

    async def post(self, target: str, content: Any, **headers: str) -> Reply:
        return await self.request(
            "POST", target, msgspec.json.encode(content), content_type="application/json", accept=MCP_ACCEPT, **headers
        )

    async def ended(self) -> bool:
        """Read to the end of the connection, in order or not."""
        try:
            while await self.stream.receive_some(65536):
                pass
        except trio.BrokenResourceError:
            return True
        return True


class Session(NamedTuple):
    """An MCP session of the handshake's lifecycle; each call on a connection of its own unless told otherwise."""

    connect: Callable[[], Wire]
    headers: dict[str, str]

    async def ask(self, method: str, **params: Any) -> Any:
        """Send a request on a connection of its own and return its result."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return (await self.connect().post("/mcp", message, **self.headers)).message["result"]

    async def call(self, request_id: int, tool: str, arguments: dict[str, Any], wire: Wire | None = None) -> Any:
        params = {"name": tool, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}
        wire = wire if wire is not None else self.connect()
        return (await wire.post("/mcp", message, **self.headers)).message


class HttpFront(Served):
    """An HTTP server that runs, and ways to reach it."""

    root: Supervisor
    updates: ResourceUpdates

    def stop(self) -> None:
        """Begin to stop in order."""
        self.root.request_stop()

    def connect(self, token: str | None = "own") -> Wire:
        return Wire(self.listener.connect(), self.token if token == "own" else token)

    async def session(self, wire: Wire | None = None) -> Session:
        wire = wire if wire is not None else self.connect()
        client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        reply = await wire.post("/mcp", {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client})
        assert reply.status == 200
        headers = {"mcp_session_id": reply.headers["mcp-session-id"], "mcp_protocol_version": "2025-11-25"}
        done = await wire.post("/mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"}, **headers)
        assert done.status == 202
        return Session(self.connect, headers)


@pytest.fixture
def wire() -> type[Wire]:
    """Return the class of HTTP connections from the client's side, for streams of a test's own."""
    return Wire


@pytest.fixture
def serve_http(tmp_path: Path, fake_gate: Any) -> Callable[..., Any]:
    """Return an async context manager that serves HTTP before a fake gate."""

    @asynccontextmanager
    async def run(
        limits: HttpLimits | None = None,
        *,
        gate: Any = None,
        directory: Path = tmp_path,
        origins: tuple[str, ...] = (),
        listener: Any = None,
        **options: Any,
    ) -> AsyncGenerator[HttpFront]:
        gate = gate if gate is not None else fake_gate()
        hall = HttpFront(gate, Tokens(directory), listener if listener is not None else MemoryListener())
        server = make_server(gate, "0.0.0-test")

        def http() -> HttpServer:
            return HttpServer(
                [hall.listener],
                server=server,
                gate=gate,
                authenticator=Authenticator(hall.tokens, origins=origins),
                limits=limits,
                **options,
            )

        root = hall.root = Supervisor([ChildSpec(NAME, http)], on_crash=hall.note_crash)
        async with running(root, system=hall.system), trio.open_nursery() as nursery:
            hall.updates = server.updates
            nursery.start_soon(server.updates.run)
            yield hall
            nursery.cancel_scope.cancel()

    return run
