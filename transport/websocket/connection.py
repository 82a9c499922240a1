"""One connection: a websocket, the MCP SDK's server loop over it, and the bounds that keep its faults to itself.

The reader task of trio-websocket reads frames into the `ReceiveBuffer`; the SDK loop pulls messages out of `Inbound`
and runs each request in a task; what those tasks send is queued in `Outbound`, and one writer task writes it. `Inbound`
hands calls of hot tools to the `FastLane`, and the SDK never sees them.

A connection ends in one way: `close` says with which code, reading stops, what is under way may finish for a moment,
the SDK's loop ends, the queue is written, the close frame is sent and its answer waited for. Each step has its time, so
a peer that plays no part in it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import trio
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_dual_era_loop
from trio_websocket import ConnectionClosed, WebSocketConnection

from actors.desk.gate import Caller, Gate
from actors.kernel import System
from transport.access.authentication import Authenticator, Identity
from transport.access.bytes_per_principal import PrincipalBytes
from transport.logs import Logger
from transport.mcp.fast_lane import FastLane
from transport.mcp.in_flight import InFlight
from transport.mcp.protocol_era import Era
from transport.mcp.sessionless_limits import SessionlessLimit
from transport.websocket.contained_reader import Reader
from transport.websocket.handshake import Handshake
from transport.websocket.incoming_messages import Inbound
from transport.websocket.keepalive import keep_alive
from transport.websocket.outgoing_messages import Outbound
from transport.websocket.send_together import send_together

log = Logger(__name__)

_LINGER_BYTES = 65536  # read and thrown away at once while the peer still sends


class ConnectionLimits(msgspec.Struct, frozen=True):
    """What one connection may use.

    Attributes:
        message_bytes: The largest message that a client may send.
        in_flight: How many requests may be under way.
        in_flight_bytes: How many bytes they may have together; a single one may have more.
        sessionless_per_s: How many requests a second it may make that no session admits, such as health and pings.
        sessionless_burst: How many of them at once.
        queue_messages: How many messages may wait to be written.
        queue_bytes: How many bytes may wait to be written; a single message may have more.
        handshake_s: How long the handshake may take, in seconds.
        write_s: How long one write may take, in seconds.
        drain_s: How long requests may go on when the server stops, in seconds.
        close_s: How long the closing handshake may take, in seconds.
        ping_s: How long after the answer to a ping the next one is sent, in seconds.
        pong_s: How long the answer to a ping may take, in seconds; it may stand behind the largest message.
    """

    message_bytes: int = 4 << 20
    in_flight: int = 256
    in_flight_bytes: int = 16 << 20
    sessionless_per_s: float = 5_000.0
    sessionless_burst: int = 20_000
    queue_messages: int = 1024
    queue_bytes: int = 64 << 20
    handshake_s: float = 10.0
    write_s: float = 30.0
    drain_s: float = 0.5
    close_s: float = 2.0
    ping_s: float = 30.0
    pong_s: float = 60.0


class Connection:
    """A supervised child for the life of one connection.

    Args:
        stream: Fresh from the listener; the connection closes it.
        number: The connection's id.
        server: The MCP server.
        gate: What the fast lane calls.
        authenticator: Decides who comes in.
        seat: Makes room for a client that may come in, or raises `Rejected`.
        limits: What the connection may use.
        queued: What waits to be written to the connections of each principal.
        unfinished: What they have of unfinished messages.
        under_way: What they have of requests under way.
        opened: Called when the handshake is done.
        ended: Called when the connection has ended, whether it was opened or not.

    Attributes:
        identity: Who it is; None until the handshake is done.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        number: int,
        *,
        server: Server[Any],
        gate: Gate,
        authenticator: Authenticator,
        seat: Callable[[Identity], None],
        limits: ConnectionLimits,
        queued: PrincipalBytes,
        unfinished: PrincipalBytes,
        under_way: PrincipalBytes,
        opened: Callable[[Connection], None],
        ended: Callable[[Connection], None],
    ) -> None:
        self._stream = stream
        self.number = number
        self.identity: Identity | None = None
        self._server = server
        self._gate = gate
        self._authenticator = authenticator
        self._seat = seat
        self._limits = limits
        self._queued = queued
        self._unfinished = unfinished
        self._under_way = under_way
        self._opened = opened
        self._ended = ended
        self._scope = trio.CancelScope()
        self._inbound: Inbound | None = None
        self._outbound: Outbound | None = None
        self._in_flight: InFlight | None = None
        self._code = 1000
        self._reason = ""
        self._closing = False

    def attach(self, name: str, system: System) -> None:
        """Take a name; see `actors.kernel.Child`."""
        self.name = name
        self.system = system

    def request_stop(self) -> None:
        """Begin an ordered stop: close with 1001. Does not checkpoint."""
        self.close(1001, "the server stops")

    def cut(self) -> None:
        """End the connection without another word. Does not checkpoint."""
        self._scope.cancel()

    @property
    def caller(self) -> Caller:
        """Who asks over this connection. Only after the handshake."""
        assert self.identity is not None
        return Caller(self.identity.principal, self.number)

    def close(self, code: int, reason: str) -> None:
        """Begin to close the connection; the first call decides the code. Does not checkpoint."""
        if self._closing:
            return
        self._closing = True
        self._code, self._reason = code, reason
        log.info("connection.closing", connection=self.number, code=code, reason=reason)
        limits, now = self._limits, trio.current_time()
        drain_s = limits.drain_s if code == 1001 else 0.0  # noqa: PLR2004 - the close code of a stop
        self._scope.deadline = now + drain_s + 2 * limits.close_s
        if self._inbound is None or self._outbound is None:
            self._scope.cancel()
            return
        self._outbound.hurry(now + drain_s + limits.close_s)
        self._inbound.stop(drain=bool(drain_s))

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the connection to its end; a checkpoint.

        Raises:
            Exception: In a group, a fault of the program. What peers and networks do is never raised.
        """
        task_status.started()
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    await self._serve(nursery)
                    nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError, ConnectionClosed, OSError) as group:
            log.debug("connection.broken", connection=self.number, error=repr(group.exceptions))
        finally:
            if self._in_flight is not None:
                self._in_flight.close()
            self._ended(self)
            await trio.aclose_forcefully(self._stream)

    async def _serve(self, nursery: trio.Nursery) -> None:
        limits = self._limits
        handshake = Handshake(
            self._stream,
            self._authenticator,
            self._seat,
            self._unfinished,
            deadline_s=limits.handshake_s,
            message_bytes=limits.message_bytes,
        )
        accepted = await handshake.run(nursery)
        if accepted is None or self._closing:
            return
        websocket, self.identity, reader = accepted
        self._opened(self)
        inbound, outbound = self._streams(websocket, nursery)
        nursery.start_soon(outbound.write_all)
        nursery.start_soon(keep_alive, websocket, nursery, limits.ping_s, limits.pong_s, self._lost)
        await serve_dual_era_loop(self._server, inbound, outbound, lifespan_state={})
        with trio.move_on_after(limits.close_s):
            await outbound.written.wait()
            await self._farewell(websocket, reader)

    def _lost(self) -> None:
        self.close(1011, "a ping was not answered")

    def _streams(self, websocket: WebSocketConnection, nursery: trio.Nursery) -> tuple[Inbound, Outbound]:
        limits = self._limits
        held = self._under_way.of(self.caller.principal)
        in_flight = self._in_flight = InFlight(limits.in_flight, limits.in_flight_bytes, held)
        era = Era(self._server.server_info_stamp)
        self._outbound = Outbound(
            partial(send_together, websocket),
            in_flight,
            era,
            messages=limits.queue_messages,
            queued_bytes=limits.queue_bytes,
            held=self._queued.of(self.caller.principal),
            write_s=limits.write_s,
            overflow=lambda: self.close(1013, "answers are not read fast enough"),
            stuck=self._scope.cancel,
        )
        lane = FastLane(
            self._gate,
            self.caller,
            era=era,
            in_flight=in_flight,
            answers=self._outbound,
            start_soon=nursery.start_soon,
        )
        self._inbound = Inbound(
            websocket,
            self._outbound,
            in_flight,
            self._gate,
            self.caller,
            era=era,
            sessionless=SessionlessLimit(
                self.caller.principal.role, limits.sessionless_per_s, limits.sessionless_burst
            ),
            lane=lane,
            message_bytes=limits.message_bytes,
            drain_s=limits.drain_s,
            close=self.close,
        )
        return self._inbound, self._outbound

    async def _farewell(self, websocket: WebSocketConnection, reader: Reader) -> None:
        """Close in order. Where the library closed (an oversize message) it leaves the stream open and unread."""
        if websocket.closed is None:
            await websocket.aclose(self._code, self._reason)
            return
        await reader.ended.wait()
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            await self._stream.send_eof()
        # Unread data would turn the close into a reset, and the peer would never see the close frame.
        while await self._stream.receive_some(_LINGER_BYTES):
            pass
