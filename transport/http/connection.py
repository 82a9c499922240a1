"""One HTTP connection: Hypercorn's protocol over a stream, supervised, and the bounds that Hypercorn leaves open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import h11
import msgspec
import trio
from hypercorn.config import Config
from hypercorn.events import Event, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext

from actors.desk.gate import Caller
from actors.kernel import System
from transport.access.authentication import Identity
from transport.http.bounded_stream import BoundedStream
from transport.logs import Logger

log = Logger(__name__)

STATE: Final = "connection"
"""Where an ASGI app finds its `HttpConnection`: under this key of the scope's state."""


class HttpLimits(msgspec.Struct, frozen=True):
    """What one HTTP connection may use, and what MCP sessions may.

    Attributes:
        message_bytes: The largest body of a request.
        principal_bytes: How many bytes of bodies a principal may have under way; a single one may have more.
        body_s: How long the body of a request may take to arrive, in seconds.
        idle_s: How long a connection may be without a request, and its head may take, in seconds.
        handshake_s: How long the TLS handshake may take, in seconds.
        write_s: How long one write may take, in seconds.
        drain_s: How long requests may go on when the server stops, in seconds.
        close_s: How long the end of a connection may take, in seconds.
        sessions: How many MCP sessions a principal may have; one more ends the one unused for the longest.
        in_flight: How many requests may be under way in a session.
        in_flight_bytes: How many bytes they may have together; a single one may have more.
        sessionless_per_s: How many requests a second it may make that no session of the hall admits, such as pings.
        sessionless_burst: How many of them at once.
    """

    message_bytes: int = 4 << 20
    principal_bytes: int = 64 << 20
    body_s: float = 30.0
    idle_s: float = 30.0
    handshake_s: float = 10.0
    write_s: float = 30.0
    drain_s: float = 0.5
    close_s: float = 2.0
    sessions: int = 1000
    in_flight: int = 256
    in_flight_bytes: int = 16 << 20
    sessionless_per_s: float = 5_000.0
    sessionless_burst: int = 20_000


class HttpConnection:
    """A supervised child for the life of one connection.

    Args:
        stream: Fresh from the listener; the connection closes it.
        number: The connection's id.
        app: The ASGI application.
        context: Hypercorn's; tells every connection of a listener that it stops.
        limits: What the connection may use.
        authenticated: Called before the first good token of each identity is noted; raises `Rejected` where there is no
            room for it.
        ended: Called when the connection has ended.

    Attributes:
        identities: Whose tokens were shown over this connection.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        number: int,
        *,
        app: Any,
        context: WorkerContext,
        limits: HttpLimits,
        authenticated: Callable[[HttpConnection, Identity], None],
        ended: Callable[[HttpConnection], None],
    ) -> None:
        self._stream = BoundedStream(stream, limits.write_s, gone=self._gone, stuck=self.cut)
        self.number = number
        self.identities: set[Identity] = set()
        self._limits = limits
        self._authenticated = authenticated
        self._ended = ended
        self._scope = trio.CancelScope()
        self._server = _Protocol(
            _as_hypercorn_calls(app),
            _config(limits),
            context,
            cast("Any", {STATE: self}),
            cast("Any", self._stream),
        )

    @property
    def callers(self) -> set[Caller]:
        """Who asked over this connection."""
        return {Caller(identity.principal, self.number) for identity in self.identities}

    def attach(self, name: str, system: System) -> None:
        """Take a name; see `actors.kernel.Child`."""
        self.name = name
        self.system = system

    def show(self, identity: Identity) -> None:
        """Note whose token was shown. Does not checkpoint.

        Raises:
            Rejected: There is no room for the connection.
        """
        if identity not in self.identities:
            self._authenticated(self, identity)
            self.identities.add(identity)

    def request_stop(self) -> None:
        """Begin an ordered stop: what is being written may still be. Does not checkpoint."""
        deadline = trio.current_time() + self._limits.close_s
        self._stream.hurry(deadline)
        self._scope.deadline = min(self._scope.deadline, deadline)

    def cut(self) -> None:
        """End the connection without another word. Does not checkpoint."""
        self._stream.hurry(trio.current_time())
        self._scope.cancel()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the connection to its end; a checkpoint.

        Raises:
            Exception: In a group, a fault of the program. What peers and networks do is never raised.
        """
        task_status.started()
        try:
            with self._scope:
                if await self._stream.shake_hands(self._limits.handshake_s):
                    await self._server.run()
        except* (trio.BrokenResourceError, trio.ClosedResourceError, OSError, h11.ProtocolError) as group:
            log.debug("http.broken", connection=self.number, error=repr(group.exceptions))
        finally:
            self._ended(self)
            await trio.aclose_forcefully(self._stream)

    async def _gone(self) -> None:
        await self._server.peer_gone()


class _Protocol(TCPServer):
    """Hypercorn's connection, that does not wait for the next request of a peer that has gone, and stays with HTTP/1.1.

    HTTP/2 without TLS is nothing that MCP clients use, and Hypercorn would take it up before any token is looked at.
    """

    _peer_gone = False

    @property
    def protocol(self) -> ProtocolWrapper:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._protocol

    @protocol.setter
    def protocol(self, wrapper: ProtocolWrapper) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        cast("Any", wrapper.protocol)._check_protocol = _stay  # noqa: SLF001 - there is no setting for it
        self._protocol = wrapper

    async def peer_gone(self) -> None:
        self._peer_gone = True
        await self.idle_task.stop()

    async def protocol_send(self, event: Event) -> None:
        if not (self._peer_gone and isinstance(event, Updated)):
            await super().protocol_send(event)


async def _stay(_request: object) -> None:
    """Stand in for Hypercorn's look for a change of protocol: a server may ignore the wish."""


def _config(limits: HttpLimits) -> Config:
    config = Config()
    config.errorlog = None
    config.include_server_header = False
    config.keep_alive_timeout = limits.idle_s
    config.keep_alive_max_requests = 1 << 30
    return config


def _as_hypercorn_calls(app: Any) -> Any:
    """Take Hypercorn's two ways into threads, which no application here has a use for."""

    async def call(scope: Any, receive: Any, send: Any, _to_thread: object, _from_thread: object) -> None:
        await app(scope, receive, send)

    return call
