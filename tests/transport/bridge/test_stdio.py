"""The stdio bridge: what goes in comes out, over as many connections as it takes."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from transport.bridge.pipes import Lines
from transport.bridge.restore_session import OWN_ID, Replay
from transport.bridge.stdio import Bridge
from transport.dial.address import Address, Lost, Refused

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


class Parent:
    """Who started the bridge: writes to its stdin and reads its stdout."""

    def __init__(self, stdin, stdout):
        self.stdin = trio.lowlevel.FdStream(stdin)
        self.stdout = trio.lowlevel.FdStream(stdout)
        self.rest = b""

    async def line(self, line: bytes):
        await self.stdin.send_all(line + b"\n")

    async def ask(self, request_id, method, params=None):
        await self.line(
            msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}})
        )

    async def call(self, request_id, tool, arguments=None):
        await self.ask(request_id, "tools/call", {"name": tool, "arguments": arguments or {}})

    async def message(self):
        while b"\n" not in self.rest:
            data = await self.stdout.receive_some(65536)
            assert data, "the bridge has ended"
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        return msgspec.json.decode(line)

    async def initialize(self):
        await self.ask("hello", "initialize", HELLO)
        assert (await self.message())["result"]["serverInfo"]["name"] == "moothall"
        await self.line(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')


@pytest.fixture
async def over_tcp(front):
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with front(listener=listeners[0]) as running:
        running.url = f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/mcp"
        yield running


@asynccontextmanager
async def bridged(running, token=None):
    """Yield who started a bridge to a gateway; its errors come out of the block."""
    ours, theirs = os.pipe(), os.pipe()
    parent = Parent(ours[1], theirs[0])
    parent.told = []

    def find():
        if running.url is None:
            raise Lost("no server is known")
        return Address(running.url, token or running.token)

    bridge = Bridge(find, ours[0], theirs[1], parent.told.append)
    try:
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(bridge.run)
                yield parent
                await parent.stdin.aclose()
    finally:
        await parent.stdin.aclose()
        await parent.stdout.aclose()
        os.close(ours[0])
        os.close(theirs[1])


async def cut_all(running):
    for connection in list(running.gateway._open.values()):
        connection._scope.cancel()
    while running.gateway._open:
        await trio.lowlevel.checkpoint()


async def test_a_new_connection_is_as_the_old_one_was(over_tcp):
    async with bridged(over_tcp) as parent:
        await parent.initialize()
        await parent.ask(1, "resources/subscribe", {"uri": "events://log"})
        assert (await parent.message())["id"] == 1
        over_tcp.gate.stall()
        await parent.call(2, "append_events", {"events": [{"type": "note"}]})
        await cut_all(over_tcp)
        lost = await parent.message()
        assert (lost["id"], lost["error"]["code"]) == (2, -32000)
        assert "unknown" in lost["error"]["message"]
        over_tcp.gate.resume()
        await parent.call(3, "append_events", {"events": [{"type": "note"}]})
        seen = [await parent.message(), await parent.message()]
        assert {message.get("id") for message in seen} == {3, None}
        assert "notifications/resources/updated" in {message.get("method") for message in seen}


async def test_large_messages_pass_both_ways_whole(over_tcp):
    async with bridged(over_tcp) as parent:
        await parent.initialize()
        text = "ü" * 400_000
        await parent.call(1, "append_events", {"events": [{"type": "note", "data": text}], "stream": "s"})
        assert not (await parent.message())["result"]["isError"]
        await parent.call(2, "query_events", {"stream": "s"})
        events = (await parent.message())["result"]["structuredContent"]["events"]
        assert [event["data"] for event in events] == [text]


async def test_a_line_that_is_too_long_is_answered_and_the_next_one_passes(over_tcp):
    async with bridged(over_tcp) as parent:
        await parent.initialize()
        await parent.line(b'{"x":"' + b"x" * (5 << 20) + b'"}')
        assert (await parent.message())["error"]["code"] == -32600
        await parent.call(1, "health")
        assert (await parent.message())["id"] == 1


async def test_a_token_that_is_revoked_ends_the_bridge(over_tcp):
    with pytest.raises(ExceptionGroup) as caught:
        async with bridged(over_tcp) as parent:
            await parent.initialize()
            over_tcp.tokens.revoke("scout")
            await trio.sleep_forever()
    assert caught.value.subgroup(Refused) is not None


async def test_what_is_under_way_is_still_answered_when_stdin_ends(over_tcp):
    async with bridged(over_tcp) as parent:
        await parent.initialize()

        async def slowly(*_):
            await trio.sleep(0.2)

        over_tcp.gate.before = slowly
        await parent.call(1, "whoami")
        await parent.stdin.aclose()
        assert (await parent.message())["id"] == 1


async def test_a_request_that_was_cancelled_is_not_waited_for_when_stdin_ends(over_tcp, monkeypatch):
    monkeypatch.setattr("transport.bridge.stdio.DRAIN_S", float("inf"))  # who waits for it waits for ever
    async with bridged(over_tcp) as parent:
        await parent.initialize()
        over_tcp.gate.stall()
        for request_id in (1, "one"):
            await parent.call(request_id, "whoami")
            cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": request_id}}
            await parent.line(msgspec.json.encode(cancelled))


def test_a_request_that_was_cancelled_is_not_answered_when_the_connection_is_lost():
    replay = Replay()
    replay.sent(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
    replay.sent(b'{"jsonrpc":"2.0","id":2,"method":"ping"}')
    replay.sent(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}')
    replay.sent(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":[]}')
    assert [msgspec.json.decode(answer)["id"] for answer in replay.lost("it ended")] == [2]


@pytest.mark.parametrize("known", [True, False])
async def test_a_server_that_is_not_up_yet_is_waited_for_and_its_client_told_so_once(front, known):
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    address = f"127.0.0.1:{listener.socket.getsockname()[1]}"
    await listener.aclose()  # its port is free again, and nobody answers there
    async with front() as running:
        running.url = f"ws://{address}/mcp" if known else None
        async with bridged(running) as parent, trio.open_nursery() as nursery:
            nursery.start_soon(parent.ask, "hello", "initialize", HELLO)
            while not parent.told:
                await trio.lowlevel.checkpoint()
            host, port = address.split(":")
            (listener,) = await trio.open_tcp_listeners(int(port), host=host)
            nursery.start_soon(pass_to, listener, running)
            running.url = f"ws://{address}/mcp"
            assert (await parent.message())["result"]["serverInfo"]["name"] == "moothall"
            assert len(parent.told) == 1
            assert "waiting for it up to 30 seconds" in parent.told[0]
            nursery.cancel_scope.cancel()


async def pass_to(listener, running):
    async with listener:
        while True:
            running.listener.connect(await listener.accept())


async def test_a_server_that_never_comes_is_waited_for_in_bounds(front, monkeypatch):
    monkeypatch.setattr("transport.bridge.stdio.WAIT_S", 0.2)
    async with front() as running:
        running.url = None
        with pytest.raises(ExceptionGroup) as caught:
            async with bridged(running):
                await trio.sleep_forever()
    assert caught.value.subgroup(Lost) is not None


async def test_whoever_has_closed_stdin_is_not_kept_waiting_for_a_server(front, monkeypatch):
    monkeypatch.setattr("transport.bridge.stdio.WAIT_S", float("inf"))
    async with front() as running:
        running.url = None
        with pytest.raises(ExceptionGroup) as caught:
            async with bridged(running) as parent:
                await parent.line(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
    assert caught.value.subgroup(Lost) is not None


async def test_a_hall_that_stays_away_is_told_of(over_tcp, monkeypatch):
    monkeypatch.setattr("transport.bridge.stdio.HOLD_S", 0.2)
    async with bridged(over_tcp) as parent:
        await parent.initialize()
        over_tcp.system.supervisors.find("root").request_stop()
        await trio.sleep(0.5)
        await parent.call(1, "whoami")
        answer = await parent.message()
        assert answer["id"] == 1
        assert "moothall serve" in answer["error"]["message"]


@given(st.lists(st.binary(max_size=30)), st.integers(1, 20))
def test_lines_come_out_however_they_were_cut(pieces, most):
    lines, found = Lines(most), []
    for piece in pieces:
        found += lines.feed(piece)
    found += lines.feed(b"\n")
    expected = [line.strip() if len(line) <= most else None for line in b"".join(pieces).split(b"\n")]
    assert found == [line for line in expected if line != b""]


def test_a_stranger_with_our_ids_fools_nobody():
    replay = Replay()
    assert replay.received('{"jsonrpc":"2.0","id":"other","result":{}}')
    assert not replay.received(f'{{"jsonrpc":"2.0","id":"{OWN_ID}0","result":{{}}}}')


def test_the_bridge_imports_neither_the_sdk_nor_trio():
    code = (
        "import sys, transport.cli.agents.connect\n"
        "sys.exit(any(name.split('.')[0] in {'mcp', 'pydantic', 'trio', 'cyclopts'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
async def test_the_bridge_ends_with_its_parent(project):
    process = await trio.lowlevel.open_process(
        [*project.program, "connect"],
        cwd=project.project,
        env=project.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with trio.fail_after(60):
        await process.stdin.send_all(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        await process.stdout.receive_some()
        await process.stdout.aclose()
        with suppress(trio.BrokenResourceError):
            await process.stdin.send_all(b'{"jsonrpc":"2.0","id":2,"method":"ping"}\n')
        assert await process.wait() == 0
        assert await process.stderr.receive_some() == b""


def test_what_is_no_json_is_waited_for_until_it_was_answered():
    replay = Replay()
    replay.sent(b"this is no JSON")
    assert not replay.idle
    assert replay.received('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no JSON"}}')
    assert replay.idle
    replay.sent(b"[]")
    replay.lost("it ended")
    assert replay.idle
