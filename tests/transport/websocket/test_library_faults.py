"""The known faults of trio-websocket 0.12.2, each against a real socket: none harms anybody but who provokes it.

What the library does by itself is said with each; `contained_reader.py`, `incoming_messages.py` and `connection.py`
contain it.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import trio
from wsproto.events import CloseConnection, Ping, TextMessage

from transport.client import connect
from transport.websocket.connection import ConnectionLimits

LIMITS = ConnectionLimits(message_bytes=4000, close_s=0.2, handshake_s=1.0, write_s=0.5, ping_s=0.5, pong_s=2.0)
UPGRADE = (
    b"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


async def ping_after_close(raw: Any) -> None:
    """Answering the ping is a protocol error by then, and it kills the reader task."""
    await raw.stream.send_all(raw.protocol.send(CloseConnection(code=1000)) + bytes([0x89, 0x80, 0, 0, 0, 0]))


async def close_without_end(raw: Any) -> None:
    """The library waits without limit for a peer that closes and keeps its socket open."""
    await raw.send(CloseConnection(code=1000))


async def never_answers_the_close(raw: Any) -> None:
    """`aclose` waits without limit for the close of the peer."""
    await raw.stream.send_all(bytes([0x82, 0x80, 0, 0, 0, 0]))


async def more_bytes_than_characters(raw: Any) -> None:
    """The library's limit counts characters."""
    await raw.text("é" * 3000)


async def too_large(raw: Any) -> None:
    """The library sends 1009, ends its reader, and leaves the stream open and unread."""
    with suppress(trio.BrokenResourceError):
        await raw.text("x" * 100_000)


async def too_large_in_pieces(raw: Any) -> None:
    """A message without end, a fragment at a time."""
    with suppress(trio.BrokenResourceError):
        for _ in range(10):
            await raw.send(TextMessage(data="x" * 1000, message_finished=False))


async def not_utf8(raw: Any) -> None:
    """What is no text ends the reader with an error of the protocol."""
    await raw.stream.send_all(bytes([0x81, 0x82, 0, 0, 0, 0, 0xFF, 0xFE]))


async def unmasked(raw: Any) -> None:
    """The same for a frame that is not masked."""
    await raw.stream.send_all(bytes([0x81, 0x02]) + b"{}")


async def reserved_close_code(raw: Any) -> None:
    """A close code that may not be sent."""
    await raw.stream.send_all(bytes([0x88, 0x82, 0, 0, 0, 0]) + struct.pack("!H", 1005))


async def pings_without_reading(raw: Any) -> None:
    """The reader task answers pings itself, so who floods it and does not read stops it in the middle of a write."""
    ping = raw.protocol.send(Ping(payload=b"x" * 125))
    with trio.move_on_after(5.0), suppress(trio.BrokenResourceError):
        while True:
            await raw.stream.send_all(ping * 1000)


async def reset_in_a_frame(raw: Any) -> None:
    """A reset raises out of the reader."""
    await raw.stream.send_all(raw.protocol.send(TextMessage(data="x" * 1000))[:100])
    raw.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await raw.stream.aclose()


async def half_closed(raw: Any) -> None:
    """A peer that sends no more and still reads."""
    await raw.stream.send_eof()


@pytest.fixture
async def over_tcp(front: Callable[..., Any]) -> Any:
    """Yield (front, address): a gateway on a real socket, with short times."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with front(listener=listeners[0], limits=LIMITS) as running:
        yield running, listeners[0].socket.getsockname()


async def only_the_good_one_is_left(running: Any, address: Any) -> None:
    async with connect(f"ws://127.0.0.1:{address[1]}/mcp", token=running.token) as client:
        with trio.fail_after(20):
            while len(running.system.supervisors.find("gateway:connections").children()) > 1:
                assert (await client.health()).status == "ok"
        assert (await client.health()).connections == 1
    assert running.crashes == []


@pytest.mark.parametrize(
    "fault",
    [
        ping_after_close,
        close_without_end,
        never_answers_the_close,
        more_bytes_than_characters,
        too_large,
        too_large_in_pieces,
        not_utf8,
        unmasked,
        reserved_close_code,
        pings_without_reading,
        reset_in_a_frame,
        half_closed,
    ],
    ids=lambda fault: fault.__name__,
)
async def test_a_fault_after_the_handshake_ends_its_own_connection_alone(over_tcp: Any, fault: Any):
    running, address = over_tcp
    stream = await trio.open_tcp_stream(*address)
    raw = await running.raw(stream)
    await fault(raw)
    await only_the_good_one_is_left(running, address)
    await trio.aclose_forcefully(stream)


async def unknown_opcode(raw: Any) -> None:
    """An opcode that RFC 6455 keeps for later."""
    await raw.stream.send_all(bytes([0x83, 0x80, 0, 0, 0, 0]))


async def continues_nothing(raw: Any) -> None:
    """A fragment without a beginning."""
    await raw.stream.send_all(bytes([0x80, 0x80, 0, 0, 0, 0]))


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (not_utf8, 1007),
        (unmasked, 1002),
        (unknown_opcode, 1002),
        (continues_nothing, 1002),
        (reserved_close_code, 1002),
        (too_large, 1009),
        (too_large_in_pieces, 1009),
        (more_bytes_than_characters, 1009),
        (never_answers_the_close, 1003),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
async def test_who_breaks_the_protocol_is_told_how(over_tcp: Any, fault: Any, code: int):
    running, address = over_tcp
    stream = await trio.open_tcp_stream(*address)
    raw = await running.raw(stream)
    await fault(raw)
    with trio.fail_after(10):
        assert await raw.close_code() == code
    await trio.aclose_forcefully(stream)
    await only_the_good_one_is_left(running, address)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /mcp HTT",
        b"GET /\xc3\xa9 HTTP/1.1\r\n" + UPGRADE + b"\r\n",
        b"GET /mcp HTTP/1.1\r\n" + UPGRADE + b"X: " + b"x" * 100_000,
        b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /mcp HTTP/1.1\r\n" + UPGRADE.replace(b"13", b"12") + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    ],
    ids=["silence", "half a line", "a path not in ASCII", "endless headers", "no upgrade", "version 12", "TLS"],
)
@pytest.mark.parametrize("leaves", [False, True], ids=["stays", "leaves"])
async def test_a_fault_in_the_handshake_ends_its_own_connection_alone(over_tcp: Any, head: bytes, leaves: bool):
    running, address = over_tcp
    stream = await trio.open_tcp_stream(*address)
    with suppress(trio.BrokenResourceError):
        await stream.send_all(head)
    if leaves:
        await trio.aclose_forcefully(stream)
    await only_the_good_one_is_left(running, address)
    await trio.aclose_forcefully(stream)
