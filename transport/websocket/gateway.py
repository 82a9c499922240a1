"""The transport actor: it owns the listeners, and every connection is a child of its own.

It stands beside the hall, not on it: when the hall restarts, the sockets stay and their tools answer `unavailable`. The
listeners are a port to the outside: they are opened before and passed in, and a restarted gateway accepts from the same
ones. Only an ordered stop closes them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import trio

from actors.desk.gate import Gate
from actors.kernel import ActorError, ChildSpec, OnCrash, Supervisor, System
from transport.access.accept_connections import Listener, Unauthenticated, accept_from, watch_tokens
from transport.access.authentication import Authenticator, Identity
from transport.access.bytes_per_principal import PrincipalBytes
from transport.access.seats import Seats, room_for, shares_for_silent
from transport.access.silent_connections import SilentConnections
from transport.logs import Logger
from transport.mcp.server import HallServer
from transport.websocket.connection import Connection, ConnectionLimits

log = Logger(__name__)

NAME: Final = "gateway"


class Gateway:
    """A child of the root supervisor that serves connections.

    Args:
        listeners: Already opened; an ordered stop closes them.
        server: The MCP server; see `transport.mcp.server`.
        gate: What the tools call; told of connections that end, and its view of their number is kept.
        authenticator: Decides who comes in.
        limits: What one connection may use.
        numbers: Where the connections' numbers come from.
        max_connections: How many open connections there may be. Who comes then takes a seat from whoever has the most,
            or is answered with HTTP 503 where they would have as many themselves.
        on_crash: Told of each crash of a connection (name, error).
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        *,
        server: HallServer,
        gate: Gate,
        authenticator: Authenticator,
        limits: ConnectionLimits | None = None,
        numbers: Iterator[int] | None = None,
        max_connections: int = 4096,
        on_crash: OnCrash | None = None,
    ) -> None:
        self._listeners = listeners
        self._server = server
        self._gate = gate
        self._authenticator = authenticator
        self._limits = limits if limits is not None else ConnectionLimits()
        self._seats = Seats(room_for(max_connections), NAME)
        self._numbers = numbers if numbers is not None else itertools.count(1)
        self._open: dict[int, Connection] = {}
        self._unauthenticated = Unauthenticated()
        self._queued, self._unfinished, self._under_way = PrincipalBytes(), PrincipalBytes(), PrincipalBytes()
        self._connections = Supervisor(strategy="dynamic", on_crash=on_crash)
        self._accepting = trio.CancelScope()

    def attach(self, name: str, system: System) -> None:
        """Take a name and the system; see `actors.kernel.Child`."""
        self.name = name
        self.system = system
        self._connections.attach(f"{name}:connections", system)

    def request_stop(self) -> None:
        """Begin an ordered stop: accept no more, close every connection with 1001. Does not checkpoint."""
        self._accepting.cancel()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Accept and serve until stopped; a checkpoint."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._connections.run)
            with self._accepting:
                async with trio.open_nursery() as accepting:
                    accepting.start_soon(watch_tokens, self._close_revoked)
                    accepting.start_soon(self._server.updates.run)
                    for listener, most_silent in zip(self._listeners, shares_for_silent(self._listeners), strict=True):
                        silent = SilentConnections(most_silent, self._limits.handshake_s)
                        accepting.start_soon(accept_from, listener, silent, self._admit, self.name)
                    task_status.started()
            await self._stop()

    async def _stop(self) -> None:
        for listener in self._listeners:
            await listener.aclose()
        # All at once, before the supervisor waits for one after the other.
        for connection in list(self._open.values()):
            connection.request_stop()
        self._connections.request_stop()

    async def _admit(self, stream: trio.abc.Stream) -> None:
        number = next(self._numbers)

        def seat(identity: Identity) -> None:
            self._seats.take(number, identity.principal, partial(self._cut, connection))

        connection = Connection(
            stream,
            number,
            server=self._server,
            gate=self._gate,
            authenticator=self._authenticator,
            seat=seat,
            limits=self._limits,
            queued=self._queued,
            unfinished=self._unfinished,
            under_way=self._under_way,
            opened=self._opened,
            ended=self._ended,
        )
        self._unauthenticated.add(number, connection.cut)
        try:
            await self._connections.start_child(
                ChildSpec(f"connection:{number}", lambda: connection, restart="temporary", shutdown_s=60.0)
            )
        except ActorError:  # the supervisor is stopping
            self._unauthenticated.remove(number)
            await trio.aclose_forcefully(stream)

    def _cut(self, connection: Connection) -> None:
        connection.cut()
        self._ended(connection)

    def _opened(self, connection: Connection) -> None:
        self._unauthenticated.remove(connection.number)
        self._open[connection.number] = connection
        self._gate.views.connections += 1
        log.info("connection.opened", connection=connection.number, agent=connection.caller.principal.agent)

    def _ended(self, connection: Connection) -> None:
        self._unauthenticated.remove(connection.number)
        self._seats.give_back(connection.number)
        if self._open.pop(connection.number, None) is None:
            return
        self._gate.views.connections -= 1
        self._gate.disconnected(connection.caller)
        self._server.updates.forget(connection.number)
        log.info("connection.ended", connection=connection.number)

    def _close_revoked(self) -> None:
        for connection in list(self._open.values()):
            if connection.identity is not None and not self._authenticator.still_valid(connection.identity):
                connection.close(1008, "the token was revoked or has expired")
