"""Hundreds of real sockets that begin a handshake and never end it, while those who have a token work."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from transport.client import connect

pytestmark = pytest.mark.slow

DESCRIPTORS = 600
FLOOD = 400
"""How many connections without a token each listener has at any time: unbounded they would take all descriptors."""

HALF = b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nUpgrade: websoc"


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


async def stranger(port, come):
    """Begin a handshake and wait; begin again whenever the server has had enough."""
    while True:
        with suppress(OSError, trio.BrokenResourceError):
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await stream.send_all(HALF)
                come()
                await stream.receive_some(1)
        await trio.sleep(1)


async def ask_over_http(port, token):
    """Return the status line of a verdict that is asked for on a connection of its own."""
    body = b'{"tool": "Bash", "input": {"command": "ls"}}'
    head = f"POST /v1/validate HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n"
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = b""
        async for data in stream:
            answer += data
        return answer.partition(b"\r\n")[0]


def descriptors(process):
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


async def test_a_flood_of_half_open_sockets_keeps_nobody_out_who_has_a_token(server):
    url = await server.start(preexec_fn=few_descriptors)
    token = server.token("scout")
    ports = [int(server.ready[each].rpartition(":")[2].partition("/")[0]) for each in ("ws", "http")]
    begun, many = 0, trio.Event()

    def come():
        nonlocal begun
        begun += 1
        if begun > 2 * FLOOD:  # all have been there, and some have been cut off
            many.set()

    with trio.fail_after(120):
        async with connect(url, token=token) as before, trio.open_nursery() as flood:
            for port in ports * FLOOD:
                flood.start_soon(stranger, port, come)
            await many.wait()
            for number in range(10):
                async with connect(url, token=token, patience_s=0) as newcomer:
                    await newcomer.append([{"type": "note", "data": {"n": number}}], stream="s")
                    assert (await newcomer.validate("Bash", {"command": "ls"})).reason
                assert await ask_over_http(ports[1], token) == b"HTTP/1.1 200 "
                assert (await before.query(stream="s")).events[-1].data == {"n": number}
            flood.cancel_scope.cancel()
        while descriptors(server.process) > 40:  # noqa: ASYNC110 - another process cannot set an event here
            await trio.sleep(0.1)
    assert "accept.failed" not in server.logged()
    assert await server.end() == 0
