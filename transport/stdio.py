"""The stdio bridge: one JSON-RPC message a line on stdin and stdout, one a text frame on the websocket.

It understands neither side; it carries lines. It must start fast and stay small, so it never imports the MCP SDK.
"""

from __future__ import annotations

from typing import BinaryIO

import msgspec
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

MAX_MESSAGE = 4 * 1024 * 1024
"""The largest message carried, in bytes; the server's own limit."""

DRAIN_S = 5.0
"""How long answers may still come after stdin has ended, in seconds."""


class _Head(msgspec.Struct):
    """The two fields that tell requests, answers and notifications apart."""

    id: str | int | None = None
    method: str | None = None


class _Unanswered:
    """The requests that one side has sent and the other has not answered."""

    def __init__(self) -> None:
        self._ids: set[str | int] = set()
        self.none_left = trio.Event()

    def sent(self, message: str | bytes) -> None:
        head = _head(message)
        if head.id is not None and head.method is not None:
            self._ids.add(head.id)

    def received(self, message: str | bytes) -> None:
        head = _head(message)
        if head.id is not None and head.method is None:
            self._ids.discard(head.id)
            if not self._ids:
                self.none_left.set()

    async def wait_for_all(self) -> None:
        self.none_left = trio.Event()
        if self._ids:
            await self.none_left.wait()


async def bridge(url: str, token: str | None, stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Carry messages both ways until either side ends.

    When stdin ends, what is under way may still be answered for `DRAIN_S`.

    Args:
        url: The server's websocket URL.
        token: Sent as a bearer token, if any.
        stdin: Where the client's messages come from.
        stdout: Where the server's go.

    Raises:
        trio_websocket.HandshakeError: The server refuses the connection.
        OSError: It cannot be reached.
    """
    headers = [] if token is None else [(b"Authorization", f"Bearer {token}".encode())]
    unanswered = _Unanswered()
    async with (
        open_websocket_url(
            url, subprotocols=["mcp"], extra_headers=headers, max_message_size=MAX_MESSAGE
        ) as connection,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_inwards, connection, stdout, unanswered, nursery.cancel_scope)
        await _outwards(connection, stdin, unanswered)
        with trio.move_on_after(DRAIN_S):
            await unanswered.wait_for_all()
        nursery.cancel_scope.cancel()


async def _outwards(connection: WebSocketConnection, stdin: BinaryIO, unanswered: _Unanswered) -> None:
    while True:
        # A read of stdin cannot be interrupted: its thread is abandoned when the server has gone.
        line = await trio.to_thread.run_sync(stdin.readline, abandon_on_cancel=True)
        if not line:
            return
        if message := line.strip():
            unanswered.sent(message)
            await connection.send_message(message.decode("utf-8", "replace"))


async def _inwards(
    connection: WebSocketConnection, stdout: BinaryIO, unanswered: _Unanswered, scope: trio.CancelScope
) -> None:
    try:
        while True:
            message: str | bytes = await connection.get_message()
            line = message.encode() if isinstance(message, str) else message
            await trio.to_thread.run_sync(_write_line, stdout, line)
            unanswered.received(line)
    except ConnectionClosed:
        scope.cancel()


def _write_line(stdout: BinaryIO, line: bytes) -> None:
    stdout.write(line + b"\n")
    stdout.flush()


def _head(message: str | bytes) -> _Head:
    try:
        return msgspec.json.decode(message, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Head()  # not ours to judge: the server answers it
