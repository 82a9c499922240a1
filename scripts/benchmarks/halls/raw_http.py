"""MCP over streamable HTTP with as little client as can be: prebuilt bodies on one connection that is kept alive."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import trio

from benchmarks.halls import requests

_CHUNK = 65_536
"""How many bytes are read at once at the most: any answer that is measured is smaller."""


class HttpEndpoint:
    """A server of streamable HTTP that answers in plain JSON.

    Args:
        url: Where.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[HttpConnection]:
        """Connect and make a session for the length of a block."""
        where = urlsplit(self.url)
        assert where.hostname
        assert where.port
        async with await trio.open_tcp_stream(where.hostname, where.port) as stream:
            connection = HttpConnection(stream, where.netloc, where.path)
            await connection.send_message(requests.initialize())
            await connection.get_message()
            await connection.send_message(requests.initialized())
            await connection.get_message()
            yield connection


class HttpConnection:
    """A connection on which requests follow one another; it has a websocket's methods, to be driven like one.

    Args:
        stream: The connection.
        host: What the Host header says.
        path: Where requests go.
    """

    def __init__(self, stream: trio.SocketStream, host: str, path: str) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\n"
        )

    async def send_message(self, message: str) -> None:
        """Send a request; a checkpoint."""
        body = message.encode()
        await self._stream.send_all(f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def get_message(self) -> str:
        """Return the body of the next answer; a checkpoint."""
        head = (await self._through(b"\r\n\r\n")).decode("latin-1").lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        if session := headers.get("mcp-session-id"):
            self._keep(session)
        length = int(headers.get("content-length", 0))
        while len(self._buffer) < length:
            await self._more()
        body = self._buffer[:length].decode()
        del self._buffer[:length]
        return body

    def _keep(self, session: str) -> None:
        if "Mcp-Session-Id" not in self._head:
            self._head += f"Mcp-Session-Id: {session}\r\nMcp-Protocol-Version: {requests.PROTOCOL}\r\n"

    async def _through(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            await self._more()
        found = bytes(self._buffer[: end + len(mark)])
        del self._buffer[: end + len(mark)]
        return found

    async def _more(self) -> None:
        data = await self._stream.receive_some(_CHUNK)
        if not data:
            raise requests.UnexpectedAnswer("the server hung up")
        self._buffer += data
