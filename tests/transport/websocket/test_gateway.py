"""The gateway: accepting, counting, turning away, revoking, and outliving what breaks."""

import errno
import itertools
import socket
import struct
from typing import Any

import pytest
import trio
import trio.testing
from wsproto.events import AcceptConnection, TextMessage

from actors.kernel import ActorNotFound
from transport.access.accept_connections import ADMITTING, accept_from
from transport.access.seats import MOST_UNAUTHENTICATED
from transport.access.silent_connections import SilentConnections
from transport.client import HallError, connect
from transport.websocket.connection import ConnectionLimits
from transport.websocket.memory_listener import MemoryListener


class Failing(MemoryListener):
    """Raises the given errors from `accept` before it accepts."""

    def __init__(self, *errors: int) -> None:
        super().__init__()
        self.errors = list(errors)
        self.closed = False

    async def accept(self) -> Any:
        if self.errors:
            raise OSError(self.errors.pop(0), "as the test says")
        return await super().accept()

    async def aclose(self) -> None:
        self.closed = True
        await super().aclose()


async def test_connections_are_counted_and_their_end_is_told(front, autojump_clock):
    async with front() as running:
        first, _second = await running.raw(), await running.raw()
        assert running.gate.views.connections == 2
        await first.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert running.gate.views.connections == 1
        assert running.gate.disconnections == [1]


async def test_who_was_never_let_in_is_not_counted(front, raw_client, autojump_clock):
    async with front() as running:
        await raw_client(running.listener.connect()).open("wrong")
        await trio.testing.wait_all_tasks_blocked()
        assert running.gate.views.connections == 0
    assert running.gate.disconnections == []


async def test_where_all_seats_are_taken_who_has_the_most_gives_one_to_who_has_fewer(front, autojump_clock):
    async with front(max_connections=5) as running:
        greedy = [await running.raw() for _ in range(5)]
        running.token = running.tokens.add("modest")
        modest = [await running.raw() for _ in range(2)]
        with pytest.raises(AssertionError):
            await running.raw()  # three would be as many as the other has
        assert [await each.close_code() for each in greedy[:2:-1]] == [None, None]
        for each in (*greedy[:3], *modest):
            await each.request(1, "ping")
            assert (await each.message())["id"] == 1
        assert running.gate.views.connections == 5
        assert running.crashes == []


async def test_over_the_cap_a_connection_is_answered_503(front, raw_client, autojump_clock):
    async with front(max_connections=1) as running:
        only = await running.raw()
        refused = await raw_client(running.listener.connect()).open(running.token)
        assert refused.status_code == 503
        await only.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert await running.raw()


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS])
async def test_an_overloaded_system_is_waited_for(front, autojump_clock, code: int):
    async with front(listener=Failing(code, code)) as running:
        assert await running.raw()
        assert running.crashes == []


async def test_the_next_ones_are_accepted_while_some_are_being_taken_but_not_without_end(autojump_clock):
    listener, taken, ready = MemoryListener(), 0, trio.Event()

    async def take(stream: trio.abc.Stream) -> None:
        nonlocal taken
        taken += 1
        await ready.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept_from, listener, SilentConnections(1, 1.0), take, "test")
        _clients = [listener.connect() for _ in range(ADMITTING + 1)]
        await trio.testing.wait_all_tasks_blocked()
        assert taken == ADMITTING
        ready.set()
        await trio.testing.wait_all_tasks_blocked()
        assert taken == ADMITTING + 1
        nursery.cancel_scope.cancel()


async def test_a_gateway_that_crashes_is_restarted_on_the_same_listeners(front, autojump_clock):
    async with front(listener=Failing(errno.EINVAL)) as running:
        assert await running.raw()
        assert running.crashes == ["gateway"]


async def test_an_ordered_stop_closes_the_listeners(front, autojump_clock):
    async with front(listener=Failing()) as running:
        pass
    assert running.listener.closed
    with pytest.raises(trio.BrokenResourceError):
        running.listener.connect()
    assert running.gate.views.connections == 0


async def test_a_revoked_token_closes_its_connections_within_a_second(front, autojump_clock):
    async with front() as running:
        other = running.tokens.add("other")
        raw = await running.raw()
        async with running.client(other) as client:
            revoked_at = trio.current_time()
            running.tokens.revoke("scout")
            assert await raw.close_code() == 1008
            assert trio.current_time() - revoked_at <= 1.0
            assert (await client.whoami()).agent == "other"
        with pytest.raises(HallError, match="401"):
            async with running.client():
                pass


async def test_a_token_that_expires_closes_its_connections_within_a_second(front, raw_client, autojump_clock):
    async with front() as running:
        token = running.tokens.add("short", lifetime_s=60.0)
        raw = raw_client(running.listener.connect())
        assert isinstance(await raw.open(token), AcceptConnection)
        opened_at = trio.current_time()
        assert await raw.close_code() == 1008
        assert 59.0 <= trio.current_time() - opened_at <= 61.0
        assert (await raw_client(running.listener.connect()).open(token)).status_code == 401


async def test_tokens_that_cannot_be_read_keep_who_is_in_and_let_nobody_else_in(
    front, raw_client, autojump_clock, tmp_path
):
    async with front() as running, running.client() as client:
        good = (tmp_path / "tokens.json").read_bytes()
        (tmp_path / "tokens.json").write_text("{")
        await trio.sleep(5)
        assert (await raw_client(running.listener.connect()).open(running.token)).status_code == 503
        assert (await client.whoami()).agent == "scout"
        (tmp_path / "tokens.json").write_bytes(good)
        assert isinstance(await raw_client(running.listener.connect()).open(running.token), AcceptConnection)


async def test_a_hall_that_is_away_is_unavailable_and_its_sockets_stay(front, autojump_clock):
    async with front() as running, running.client() as client:

        def away(*_: object) -> None:
            raise ActorNotFound("event_store")

        here = running.gate.before
        running.gate.before = away
        with pytest.raises(HallError) as caught:
            await client.append([{"type": "t"}])
        assert caught.value.code == "unavailable"
        running.gate.before = here
        assert (await client.append([{"type": "t"}])).first_sequence == 1


async def test_over_a_real_socket_it_is_the_same(front):
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with front(listener=listeners[0]) as running:
        port = listeners[0].socket.getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/mcp", token=running.token) as client:
            assert (await client.whoami()).agent == "scout"


async def test_over_a_real_socket_who_sends_too_much_sees_the_1009(front):
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    address = listeners[0].socket.getsockname()
    async with front(listener=listeners[0]) as running, await trio.open_tcp_stream(*address) as stream:
        raw = await running.raw(stream, initialized=False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(raw.text, "x" * (16 << 20))
            assert await raw.close_code() == 1009
            nursery.cancel_scope.cancel()


@pytest.fixture
async def over_tcp(front):
    """Yield (front, address): a gateway on a real socket, with short queues."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with front(listener=listeners[0], limits=ConnectionLimits(queue_messages=16)) as running:
        yield running, listeners[0].socket.getsockname()


async def test_over_a_real_socket_a_reset_in_the_middle_of_a_frame_harms_nobody(over_tcp):
    running, address = over_tcp
    stream = await trio.open_tcp_stream(*address)
    raw = await running.raw(stream)
    await stream.send_all(raw.protocol.send(TextMessage(data="x" * 1000))[:100])
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await stream.aclose()
    async with connect(f"ws://127.0.0.1:{address[1]}/mcp", token=running.token) as client:
        with trio.fail_after(10):
            while (await client.health()).connections > 1:
                await trio.lowlevel.checkpoint()
    assert running.crashes == []


async def test_over_a_real_socket_who_does_not_read_sees_the_1013(over_tcp):
    running, address = over_tcp
    async with await trio.open_tcp_stream(*address) as stream:
        raw = await running.raw(stream)
        (connection,) = running.gateway._open.values()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_ask_and_ask, raw)
            with trio.fail_after(30):
                while not connection._closing:
                    await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert await raw.close_code() == 1013


async def _ask_and_ask(raw: Any) -> None:
    for number in itertools.count():
        await raw.request(number, "tools/list")


async def test_a_flood_of_handshakes_that_never_end_keeps_nobody_out(front, autojump_clock):
    async with front(max_connections=10) as running:
        flood = [running.listener.connect() for _ in range(1000)]
        began = trio.current_time()
        for _ in range(10):
            async with running.client() as client:
                assert (await client.health()).status == "ok"
            flood += [running.listener.connect() for _ in range(100)]
        assert trio.current_time() - began < 1
        connections = running.system.supervisors.find("gateway:connections")
        await trio.sleep(1)
        assert len(connections.children()) <= MOST_UNAUTHENTICATED
        assert running.crashes == []


async def test_who_was_let_in_is_evicted_by_no_flood(front, autojump_clock):
    async with front() as running, running.client() as client:
        for _ in range(5 * MOST_UNAUTHENTICATED):
            running.listener.connect()
        await trio.sleep(1)
        assert (await client.health()).status == "ok"
