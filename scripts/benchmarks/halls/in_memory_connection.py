"""MCP without a socket: from a text frame to the text of its answer, through our connection code or the bare SDK."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import cast

import anyio
import mcp_types as types
import trio
from mcp.server.runner import serve_dual_era_loop
from mcp.shared.message import SessionMessage
from trio_websocket import ConnectionClosed, WebSocketConnection

from actors.desk.gate import Gate
from benchmarks.halls import in_process, requests
from benchmarks.halls.requests import Frames
from benchmarks.measuring.runner import Round
from benchmarks.peers.mcp_server import sdk_server
from transport.access.bytes_per_principal import HeldBytes
from transport.mcp.fast_lane import FastLane
from transport.mcp.in_flight import InFlight
from transport.mcp.protocol_era import Era
from transport.mcp.server import make_server
from transport.mcp.sessionless_limits import SessionlessLimit
from transport.version import VERSION
from transport.websocket.connection import ConnectionLimits
from transport.websocket.incoming_messages import Inbound
from transport.websocket.outgoing_messages import Outbound

SDK = "the mcp SDK alone"
"""Its low-level server with one tool that answers a verdict it has ready."""

Exchange = Callable[[str], Awaitable[str]]
"""Sends a text frame and returns the next one that comes back."""

_WARM = 50
"""How many calls do not count: after these every cache and every code path is warm."""

_WAITING = 16
"""How many messages a channel holds: more than the one that is ever under way, so that no sender waits."""


class MemorySocket:
    """Stands where a websocket does, and hands text over in memory."""

    def __init__(self) -> None:
        self._to_server, self._inbox = trio.open_memory_channel[str](_WAITING)
        self._outbox, self._from_server = trio.open_memory_channel[str](_WAITING)

    async def get_message(self) -> str:
        """Return what the client sent; a checkpoint.

        Raises:
            ConnectionClosed: The client has hung up.
        """
        try:
            return await self._inbox.receive()
        except trio.EndOfChannel:
            raise ConnectionClosed(None) from None

    async def send_messages(self, texts: list[str]) -> None:
        """Hand the client answers; a checkpoint."""
        for text in texts:
            await self._outbox.send(text)

    async def exchange(self, text: str) -> str:
        """Play the client: send, and wait for the answer; a checkpoint."""
        await self._to_server.send(text)
        return await self._from_server.receive()

    async def say(self, text: str) -> None:
        """Play the client: send what has no answer; a checkpoint."""
        await self._to_server.send(text)

    def hang_up(self) -> None:
        """Play the client: end the connection. Does not checkpoint."""
        self._to_server.close()


@asynccontextmanager
async def connection(gate: Gate, *, fast: bool = True) -> AsyncGenerator[Exchange]:
    """Connect to a hall of this process through the connection's own code, but for the socket.

    Args:
        gate: The hall's.
        fast: Whether the connection has its fast lane.
    """
    limits, socket, server = ConnectionLimits(), MemorySocket(), make_server(gate, VERSION)
    in_flight = InFlight(limits.in_flight, limits.in_flight_bytes)
    websocket, era, caller = cast("WebSocketConnection", socket), Era(server.server_info_stamp), in_process.CALLER
    outbound = Outbound(
        socket.send_messages,
        in_flight,
        era,
        messages=limits.queue_messages,
        queued_bytes=limits.queue_bytes,
        held=HeldBytes(),
        write_s=limits.write_s,
        overflow=_never,
        stuck=_never,
    )
    async with trio.open_nursery() as nursery:
        start_soon = nursery.start_soon
        lane = FastLane(gate, caller, era=era, in_flight=in_flight, answers=outbound, start_soon=start_soon)
        inbound = Inbound(
            websocket,
            outbound,
            in_flight,
            gate,
            caller,
            era=era,
            sessionless=SessionlessLimit(caller.principal.role, limits.sessionless_per_s, limits.sessionless_burst),
            lane=lane if fast else None,
            message_bytes=limits.message_bytes,
            drain_s=limits.drain_s,
            close=_never,
        )
        nursery.start_soon(outbound.write_all)
        nursery.start_soon(partial(serve_dual_era_loop, server, inbound, outbound, lifespan_state={}))
        await socket.exchange(requests.initialize())
        await socket.say(requests.initialized())
        yield socket.exchange
        socket.hang_up()


def through_hall(frames: Callable[[int], Frames], expected: str, count: int) -> Round:
    """Call tools of a whole hall; observes each latency, in microseconds.

    Args:
        frames: Makes so many requests.
        expected: What each answer must contain once all is warm, or `UnexpectedAnswer` is raised.
        count: How many calls count.
    """

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Exchange]:
        async with in_process.hall() as hall, connection(hall.gate) as exchange:
            yield exchange

    return _observed(opened, frames, count, expected)


def through_sdk(frames: Callable[[int], Frames], count: int) -> Round:
    """Call a tool of the SDK's own server, parsed and written by the SDK's own types; observes each latency."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Exchange]:
        to_server, inbox = anyio.create_memory_object_stream[SessionMessage | Exception](_WAITING)
        outbox, from_server = anyio.create_memory_object_stream[SessionMessage](_WAITING)

        async def say(text: str) -> None:
            message = types.jsonrpc_message_adapter.validate_json(text, by_name=False)
            await to_server.send(SessionMessage(message))

        async def exchange(text: str) -> str:
            await say(text)
            answer = await from_server.receive()
            return answer.message.model_dump_json(by_alias=True, exclude_unset=True)

        async with inbox, outbox, from_server, to_server, trio.open_nursery() as nursery:
            nursery.start_soon(partial(serve_dual_era_loop, sdk_server(), inbox, outbox, lifespan_state={}))
            await exchange(requests.initialize())
            await say(requests.initialized())
            yield exchange
            to_server.close()

    return _observed(opened, frames, count, '"verdict":"allow"')


def _observed(
    opened: Callable[[], AbstractAsyncContextManager[Exchange]],
    frames: Callable[[int], Frames],
    count: int,
    expected: str,
) -> Round:
    async def measured() -> list[float]:
        took: list[float] = []
        async with opened() as exchange:
            for number, frame in enumerate(frames(_WARM + count)):
                began = time.perf_counter()
                answer = await exchange(frame)
                if number >= _WARM:
                    took.append((time.perf_counter() - began) * 1e6)
                    requests.check(answer, expected)
        return took

    return lambda: trio.run(measured)


def _never(*why: object) -> None:
    raise AssertionError(f"a connection in memory was closed: {why}")
