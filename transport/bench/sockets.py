"""Driving a websocket server from this process: one request after the other, or many under way."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from transport.bench import requests
from transport.bench.requests import Frames, check
from transport.bench.runner import Round

_WARM = 20


class Endpoint:
    """A server to be measured.

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


def latencies(endpoint: Endpoint, frames: Callable[[int], Frames], count: int) -> Round:
    """Send one request after the other; observes each round trip, in microseconds."""

    async def measured() -> list[float]:
        took: list[float] = []
        async with endpoint.open() as socket:
            for number, frame in enumerate(frames(_WARM + count)):
                began = time.perf_counter()
                await socket.send_message(frame)
                await socket.get_message()
                if number >= _WARM:
                    took.append((time.perf_counter() - began) * 1e6)
        return took

    return lambda: trio.run(measured)


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


def size_of_reply(endpoint: Endpoint, frames: Callable[[int], Frames], answer: str) -> int:
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
