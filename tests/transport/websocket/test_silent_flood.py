"""A flood of connections that never say anything, beside the bare library under the same flood in the same run.

What a newcomer waits for is counted in calls of functions between its request and its answer, whoever makes them: on
one thread, that is what the flood takes from everybody.
"""

from __future__ import annotations

import socket
import statistics
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket
from wsproto.events import AcceptConnection

from transport.access.seats import MOST_UNAUTHENTICATED
from transport.access.silent_connections import SilentConnections

NEWCOMERS = 8
MEANWHILE = 200
"""How many silent connections come between an honest client's connection and its request: 0.2 s at 1,000 a second."""


@contextmanager
def counted_calls() -> Generator[list[int]]:
    """Count the calls of Python functions in a block; the count is the list's one item."""
    count, before = [0], sys.getprofile()

    def profile(_frame: object, what: str, _argument: object) -> None:
        count[0] += what == "call"

    sys.setprofile(profile)
    try:
        yield count
    finally:
        sys.setprofile(before)


class Flood:
    """Connections that never say anything; what is said to them is not read."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sockets: list[socket.socket] = []

    async def pour(self, count: int) -> None:
        """Open so many, one in each round of the loop."""
        for _ in range(count):
            silent = socket.socket()
            self.sockets.append(silent)
            silent.setblocking(False)
            silent.connect_ex(("127.0.0.1", self.port))
            await trio.lowlevel.checkpoint()

    async def pour_on(self) -> None:
        while True:
            await self.pour(1)

    def close(self) -> None:
        for each in self.sockets:
            each.close()


@asynccontextmanager
async def bare_library() -> AsyncGenerator[int]:
    """Run trio-websocket's own server; yields its port."""

    async def serve(request: WebSocketRequest) -> None:
        websocket = await request.accept()
        try:
            await websocket.get_message()
        except ConnectionClosed:
            return

    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve_websocket, serve, "127.0.0.1", 0, None)
        yield server.port
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def the_hall(front: Callable[..., Any]) -> AsyncGenerator[tuple[int, Any]]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with front(listener=listener) as running:
        yield listener.socket.getsockname()[1], running


async def calls_until_in(port: int, token: str, raw_client: Any, *, flooded: bool) -> float:
    """Return how many calls newcomers wait for (median), from the request until they are in."""
    flood, waits = Flood(port), list[int]()
    try:
        for _ in range(NEWCOMERS):
            newcomer = raw_client(await trio.open_tcp_stream("127.0.0.1", port))
            async with newcomer.stream, trio.open_nursery() as nursery:
                if flooded:
                    await flood.pour(MEANWHILE)
                    nursery.start_soon(flood.pour_on)
                with counted_calls() as calls:
                    answer = await newcomer.open(token)
                assert isinstance(answer, AcceptConnection), "a newcomer was cut off"
                waits.append(calls[0])
                nursery.cancel_scope.cancel()
    finally:
        flood.close()
    return statistics.median(waits)


async def added_by_a_flood(port: int, token: str, raw_client: Any) -> float:
    in_peace = await calls_until_in(port, token, raw_client, flooded=False)
    return await calls_until_in(port, token, raw_client, flooded=True) - in_peace


async def test_a_flood_of_silent_connections_keeps_newcomers_waiting_no_longer_than_with_the_bare_library(
    front: Callable[..., Any], raw_client: Any
):
    with trio.fail_after(120):
        async with bare_library() as port:
            control = await added_by_a_flood(port, "any", raw_client)
        async with the_hall(front) as (port, running):
            added = await added_by_a_flood(port, running.token, raw_client)
            assert running.crashes == []
    assert added <= control


async def test_nothing_is_built_for_connections_that_say_nothing_or_hang_up_without_a_word(front: Callable[..., Any]):
    with trio.fail_after(60):
        async with the_hall(front) as (port, running):
            started = []
            running.gateway._connections.start_child = started.append
            flood = Flood(port)
            await flood.pour(50)
            await trio.testing.wait_all_tasks_blocked()
            flood.close()
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert started == []


async def test_a_flood_of_silent_connections_cuts_off_nobody_who_has_spoken(front: Callable[..., Any], raw_client: Any):
    with trio.fail_after(60):
        async with the_hall(front) as (port, _running):
            slow = raw_client(await trio.open_tcp_stream("127.0.0.1", port))
            async with slow.stream:
                await slow.stream.send_all(b"GET /mcp HTTP/1.1\r\n")
                flood = Flood(port)
                await flood.pour(2 * MOST_UNAUTHENTICATED)
                await slow.stream.send_all(b"Host: localhost\r\n\r\n")
                assert (await slow.stream.receive_some()).startswith(b"HTTP/1.1 400 ")
                flood.close()


class Pair:
    """A connection that `silent` keeps, and its client."""

    def __init__(self, silent: SilentConnections) -> None:
        theirs, self.client = (trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in socket.socketpair())
        self.server = theirs
        assert silent.keep(theirs)

    async def is_closed(self) -> bool:
        """Say whether the client sees the end of the connection; hang up then."""
        with trio.move_on_after(0.1):
            if await self.client.receive_some() == b"":
                await self.client.aclose()
                return True
        return False


@asynccontextmanager
async def kept(most: int, heard: list[Any]) -> AsyncGenerator[SilentConnections]:
    async with trio.open_nursery() as nursery:
        silent = SilentConnections(most, within_s=10)
        nursery.start_soon(silent.run, heard.append)
        yield silent
        nursery.cancel_scope.cancel()


async def test_where_too_many_are_silent_the_oldest_has_to_go_and_who_speaks_is_handed_on(autojump_clock: Any):
    heard: list[Any] = []
    async with kept(2, heard) as silent:
        first, second, third = Pair(silent), Pair(silent), Pair(silent)
        await second.client.send_all(b"x")
        await trio.testing.wait_all_tasks_blocked()
        assert [await each.is_closed() for each in (first, second, third)] == [True, False, False]
        assert heard == [second.server]
        assert await second.server.receive_some() == b"x"
        await trio.aclose_forcefully(second.server)
        assert await second.is_closed()
        assert len(silent) == 1
    assert await third.is_closed()


async def test_who_is_silent_for_too_long_is_closed_and_later_ones_have_their_own_time(autojump_clock: Any):
    async with kept(9, []) as silent:
        first = Pair(silent)
        await trio.sleep(6)
        second = Pair(silent)
        await trio.sleep(5)
        assert [await first.is_closed(), await second.is_closed()] == [True, False]
        await trio.sleep(6)
        assert await second.is_closed()


def test_what_is_not_a_socket_is_not_kept():
    assert not SilentConnections(1, 1.0).keep(trio.testing.memory_stream_pair()[0])
