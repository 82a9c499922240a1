"""Driving a server from this process: one request after the other, many under way, or from many connections."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol

import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from benchmarks.halls import requests
from benchmarks.halls.requests import Frames, check
from benchmarks.measuring.runner import Round

_WARM = 20
"""How many round trips do not count: after these the verdict is cached and both sides are warm."""


class Exchanging(Protocol):
    """A connection, by websocket or over HTTP."""

    async def send_message(self, message: str) -> None:
        """Send a request; a checkpoint."""
        ...

    async def get_message(self) -> str | bytes:
        """Return the next answer; a checkpoint."""
        ...


class Connectable(Protocol):
    """A server that can be connected to."""

    def open(self) -> AbstractAsyncContextManager[Exchanging]:
        """Connect for the length of a block."""
        ...


class Endpoint:
    """A websocket server to be measured.

    Args:
        url: Its websocket.
        speaks_mcp: Whether a connection begins with MCP's handshake.
    """

    def __init__(self, url: str, *, speaks_mcp: bool) -> None:
        self.url = url
        self._speaks_mcp = speaks_mcp

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[WebSocketConnection]:
        """Connect for the length of a block."""
        async with open_websocket_url(self.url, subprotocols=["mcp"] if self._speaks_mcp else None) as socket:
            if self._speaks_mcp:
                await socket.send_message(requests.initialize())
                await socket.get_message()
                await socket.send_message(requests.initialized())
            yield socket


def latencies(endpoint: Connectable, frames: Callable[[int], Frames], count: int) -> Round:
    """Send one request after the other; observes each round trip, in microseconds."""

    async def measured() -> list[float]:
        async with endpoint.open() as socket:
            return (await _each(socket, frames(_WARM + count)))[_WARM:]

    return lambda: trio.run(measured)


def crowd(endpoint: Connectable, frames: Callable[[int], Frames], each: int, connections: int) -> Round:
    """Send one request after the other on each of so many connections at once; observes answers a second."""

    async def measured() -> list[float]:
        async with AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(endpoint.open()) for _ in range(connections)]
            prebuilt = [frames(each) for _ in sockets]
            began = time.perf_counter()
            async with trio.open_nursery() as nursery:
                for socket, mine in zip(sockets, prebuilt, strict=True):
                    nursery.start_soon(_each, socket, mine)
            return [connections * each / (time.perf_counter() - began)]

    return lambda: trio.run(measured)


def while_idle(
    endpoint: Connectable, connections: int, look: Callable[[], float], frames: Callable[[int], Frames], count: int
) -> tuple[float, list[float]]:
    """Hold so many connections that do nothing, and send one request after the other on another one.

    Returns:
        What `look` saw once all were there, and each round trip, in microseconds.
    """

    async def hold(*, task_status: trio.TaskStatus[None]) -> None:
        async with endpoint.open():
            task_status.started()
            await trio.sleep_forever()

    async def measured() -> tuple[float, list[float]]:
        async with trio.open_nursery() as nursery:
            for _ in range(connections):
                await nursery.start(hold)
            seen = look()
            async with endpoint.open() as socket:
                took_us = (await _each(socket, frames(_WARM + count)))[_WARM:]
            nursery.cancel_scope.cancel()
        return seen, took_us

    return trio.run(measured)


async def _each(socket: Exchanging, frames: Frames) -> list[float]:
    took_us: list[float] = []
    for frame in frames:
        began = time.perf_counter()
        await socket.send_message(frame)
        await socket.get_message()
        took_us.append((time.perf_counter() - began) * 1e6)
    return took_us


def rate(endpoint: Endpoint, frames: Callable[[int], Frames], count: int, in_flight: int) -> Round:
    """Keep so many requests under way on one connection; observes answers a second."""

    async def measured() -> list[float]:
        async with endpoint.open() as socket:
            waiting = iter(frames(count))
            began = time.perf_counter()
            for _, frame in zip(range(in_flight), waiting, strict=False):
                await socket.send_message(frame)
            for _ in range(count):
                await socket.get_message()
                frame = next(waiting, "")
                if frame:
                    await socket.send_message(frame)
            return [count / (time.perf_counter() - began)]

    return lambda: trio.run(measured)


def size_of_reply(endpoint: Connectable, frames: Callable[[int], Frames], answer: str) -> int:
    """Return how many bytes the answer to such a request has, once what can be cached is.

    Args:
        endpoint: Where to ask.
        frames: Makes so many requests.
        answer: What the answer must contain.

    Raises:
        UnexpectedAnswer: It does not.
    """

    async def measured() -> str:
        async with endpoint.open() as socket:
            reply = ""
            for frame in frames(_WARM):
                await socket.send_message(frame)
                reply = str(await socket.get_message())
            return reply

    reply = trio.run(measured)
    check(reply, answer)
    return len(reply.encode())
