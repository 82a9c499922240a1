"""The HTTP listener as an actor: streamable HTTP at `/mcp` and the small routes beside it, under Hypercorn.

It stands beside the gateway and keeps its habits: the listeners are opened before and passed in, every connection is a
supervised child of its own, and an ordered stop accepts no more, lets what is under way finish for a moment and then
closes. Hypercorn speaks HTTP; the MCP SDK's session manager speaks MCP to the same server object as the websockets.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

import trio
from hypercorn.trio.worker_context import WorkerContext
from mcp.server.streamable_http import EventStore

from actors.desk.gate import Caller, Gate
from actors.kernel import ActorError, ChildSpec, OnCrash, Supervisor, System
from transport.access.accept_connections import Listener, Unauthenticated, accept_from, watch_tokens
from transport.access.authentication import Authenticator, Identity
from transport.access.seats import Seats, room_for, shares_for_silent
from transport.access.silent_connections import SilentConnections
from transport.http.connection import HttpConnection, HttpLimits
from transport.http.fast_lane import HttpLane
from transport.http.mcp_endpoint import McpEndpoint
from transport.http.request_checks import RequestChecks
from transport.http.routes import make_routes
from transport.http.sessions import HttpSessions, Sessions
from transport.logs import Logger
from transport.mcp.server import HallServer

log = Logger(__name__)

NAME: Final = "http"


class HttpServer:
    """A child of the root supervisor that serves HTTP.

    Args:
        listeners: Already opened; an ordered stop closes them.
        server: The MCP server; see `transport.mcp.server`.
        gate: Asked for verdicts and health, and told of connections that end.
        authenticator: Decides who comes in.
        limits: What one connection may use.
        numbers: Where the connections' numbers come from.
        max_connections: How many connections may have shown a token. Whoever comes then takes a seat from the one with
            the most, or is answered with HTTP 503 where they would have as many themselves.
        http_sessions: What becomes of a request that names a session which is not known.
        event_store: Where MCP sessions keep what a client may ask for again; None to keep nothing.
        on_crash: Told of each crash of a connection (name, error).
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        *,
        server: HallServer,
        gate: Gate,
        authenticator: Authenticator,
        limits: HttpLimits | None = None,
        numbers: Iterator[int] | None = None,
        max_connections: int = 4096,
        http_sessions: HttpSessions = "reopen",
        event_store: EventStore | None = None,
        on_crash: OnCrash | None = None,
    ) -> None:
        self._listeners = listeners
        self._gate = gate
        self._authenticator = authenticator
        self._limits = limits if limits is not None else HttpLimits()
        self._numbers = numbers if numbers is not None else itertools.count(1)
        self._seats = Seats(room_for(max_connections), NAME)
        self._server = server
        self._sessions = Sessions(
            server,
            numbers=self._numbers,
            ended=self._session_ended,
            limits=self._limits,
            unknown=http_sessions,
            event_store=event_store,
        )
        # An event store is asked for every message, so all go through the SDK then.
        lane = HttpLane(gate, server, self._sessions) if event_store is None else None
        mcp = McpEndpoint(gate, self._sessions, lane)
        self._stopping = False
        routes = make_routes(gate, mcp, self._takes_work)
        self._checks = RequestChecks(routes, authenticator, self._limits, self._takes_work)
        self._context = WorkerContext(None)
        self._open: dict[int, HttpConnection] = {}
        self._unauthenticated = Unauthenticated()
        self._connections = Supervisor(strategy="dynamic", on_crash=on_crash)
        self._accepting = trio.CancelScope()

    def attach(self, name: str, system: System) -> None:
        """Take a name and the system; see `actors.kernel.Child`."""
        self.name = name
        self.system = system
        self._connections.attach(f"{name}:connections", system)

    def request_stop(self) -> None:
        """Begin an ordered stop: accept no more, let what is under way finish for a moment. Does not checkpoint."""
        self._stopping = True
        self._accepting.cancel()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Accept and serve until stopped; a checkpoint."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._connections.run)
            async with self._sessions.run():
                with self._accepting:
                    async with trio.open_nursery() as accepting:
                        accepting.start_soon(watch_tokens, self._close_revoked)
                        for listener, most_silent in zip(
                            self._listeners, shares_for_silent(self._listeners), strict=True
                        ):
                            silent = SilentConnections(most_silent, self._limits.idle_s)
                            accepting.start_soon(accept_from, listener, silent, self._admit, self.name)
                        task_status.started()
                await self._drain()
            for connection in list(self._open.values()):
                connection.request_stop()
            self._connections.request_stop()

    def _takes_work(self) -> bool:
        return not self._stopping

    async def _drain(self) -> None:
        for listener in self._listeners:
            await listener.aclose()
        await self._context.terminated.set()
        with trio.move_on_after(self._limits.drain_s):
            await self._checks.wait_idle()

    async def _admit(self, stream: trio.abc.Stream) -> None:
        number = next(self._numbers)
        connection = HttpConnection(
            stream,
            number,
            app=self._checks,
            context=self._context,
            limits=self._limits,
            authenticated=self._authenticated,
            ended=self._ended,
        )
        self._open[number] = connection
        self._unauthenticated.add(number, connection.cut)
        self._gate.views.connections += 1
        try:
            await self._connections.start_child(
                ChildSpec(f"http:{number}", lambda: connection, restart="temporary", shutdown_s=60.0)
            )
        except ActorError:  # the supervisor is stopping
            self._ended(connection)
            await trio.aclose_forcefully(stream)

    def _authenticated(self, connection: HttpConnection, identity: Identity) -> None:
        """Give a connection a seat, where it has none; raises `Rejected` where there is none for it."""
        if not connection.identities:
            self._seats.take(connection.number, identity.principal, connection.cut)
            self._unauthenticated.remove(connection.number)

    def _ended(self, connection: HttpConnection) -> None:
        self._unauthenticated.remove(connection.number)
        self._seats.give_back(connection.number)
        if self._open.pop(connection.number, None) is not None:
            self._gate.views.connections -= 1
            self._server.updates.forget(connection.number)
            for caller in connection.callers:
                self._gate.disconnected(caller)

    def _session_ended(self, caller: Caller) -> None:
        self._server.updates.forget(caller.connection)
        self._gate.disconnected(caller)

    def _close_revoked(self) -> None:
        for connection in list(self._open.values()):
            if not all(self._authenticator.still_valid(identity) for identity in connection.identities):
                log.info("http.revoked", connection=connection.number)
                connection.cut()
