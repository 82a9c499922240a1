"""JSON-RPC from the client's side: many requests under way over one websocket, each answered in its caller's task."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, cast

import msgspec
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection, wrap_client_stream

from transport.reader import Reader

PROTOCOL: Final = "2025-11-25"
MAX_RESULT_BYTES: Final = 256 << 20
"""The largest message that the client takes from the server."""

QUEUE: Final = 64
"""How many requests may wait to be written; more wait in their callers."""

HANDSHAKE_S: Final = 30.0
"""How long the opening handshake may take, in seconds."""

RECEIVE_BYTES: Final = 65536

_encode = msgspec.json.Encoder().encode


class HallError(Exception):
    """The hall refused a call, or could not be asked.

    Args:
        code: One of the contract's codes; `unavailable` also where the connection has ended, `invalid` also for an
            error of the protocol.
        message: What, where and what to do next.
        detail: Fields that go with the code, such as `actual` or `retry_after_s`.
    """

    def __init__(self, code: str, message: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.detail = detail if detail is not None else {}


class _Error(msgspec.Struct):
    code: int
    message: str = ""
    data: Any = None


class _Content(msgspec.Struct):
    error: dict[str, Any]


class _Response(msgspec.Struct):
    id: int | str | None = None
    result: dict[str, Any] | None = None
    error: _Error | None = None
    method: str | None = None


class _Waiting:
    __slots__ = ("answered", "response")

    def __init__(self) -> None:
        self.answered = trio.Event()
        self.response: _Response | None = None


class Rpc:
    """The calls over one websocket.

    Args:
        websocket: Open; see `open_websocket`.
    """

    def __init__(self, websocket: WebSocketConnection) -> None:
        self._websocket = websocket
        self._next_id = 0
        self._waiting: dict[int, _Waiting] = {}
        self._ended: str | None = None
        self._queue, self._written = trio.open_memory_channel[str](QUEUE)
        self._sent = trio.Event()
        self._decode = msgspec.json.Decoder(_Response).decode

    async def start(self, nursery: trio.Nursery) -> None:
        """Begin to read and write in the nursery, and initialize the MCP session; a checkpoint.

        Raises:
            HallError: The server does not answer as an MCP server would.
        """
        nursery.start_soon(self._read)
        nursery.start_soon(self._write)
        client = {"name": "moothall-client", "version": "1"}
        params = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
        await self.request("initialize", params)
        await self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def aclose(self) -> None:
        """Send what is queued and close the connection; a checkpoint."""
        self._queue.close()
        if self._ended is None:
            await self._sent.wait()
        await self._websocket.aclose()

    async def call_tool(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool and return its structured content; a checkpoint.

        Raises:
            HallError: The tool refused, or could not be asked.
        """
        result = await self.request("tools/call", {"name": tool, "arguments": arguments})
        structured: dict[str, Any] = result.get("structuredContent", {})
        if result.get("isError"):
            raise _hall_error(structured, "no reason given", "unavailable")
        return structured

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its result; a checkpoint. Cancelling it cancels it at the server.

        Raises:
            HallError: An error came back, or the connection has ended.
        """
        self._next_id += 1
        request_id = self._next_id
        waiting = self._waiting[request_id] = _Waiting()
        try:
            await self._send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
            await waiting.answered.wait()
        except trio.Cancelled:
            self._abandon(request_id)
            raise
        finally:
            del self._waiting[request_id]
        return _result_of(waiting.response, self._ended)

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            await self._queue.send(_encode(message).decode())
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise HallError("unavailable", self._ended or "the connection is closed") from None

    def _abandon(self, request_id: int) -> None:
        cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": request_id}}
        with suppress(trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            self._queue.send_nowait(_encode(cancelled).decode())

    async def _read(self) -> None:
        try:
            while True:
                self._take(self._decode(await self._websocket.get_message()))
        except msgspec.MsgspecError as error:
            self._end(f"the server sent what is no JSON-RPC: {error}")
        except ConnectionClosed as closed:
            reason = closed.reason
            self._end("the connection broke" if reason is None else f"the server closed: {reason.code} {reason.reason}")

    async def _write(self) -> None:
        # A task of its own: a caller that is cancelled must not leave half a frame on the wire.
        try:
            async with self._written:
                async for text in self._written:
                    await self._websocket.send_message(text)
        except (ConnectionClosed, trio.ClosedResourceError):
            return
        finally:
            self._sent.set()

    def _take(self, response: _Response) -> None:
        if response.method is None and isinstance(response.id, int) and response.id in self._waiting:
            waiting = self._waiting[response.id]
            waiting.response = response
            waiting.answered.set()

    def _end(self, why: str) -> None:
        self._ended = why
        self._written.close()
        for waiting in self._waiting.values():
            waiting.answered.set()


def _result_of(response: _Response | None, ended: str | None) -> dict[str, Any]:
    if response is None:
        raise HallError("unavailable", ended or "the connection is closed")
    if response.error is not None:
        raise _hall_error(response.error.data, f"{response.error.message} ({response.error.code})", "invalid")
    return response.result if response.result is not None else {}


def _hall_error(content: Any, message: str, code: str) -> HallError:
    """Make an error of `{error: {code, message, ...}}`, the contract's form, as far as it is there."""
    try:
        found = msgspec.convert(content, _Content).error
    except msgspec.ValidationError:
        found = {}
    return HallError(found.pop("code", code), found.pop("message", message), found)


async def open_websocket(
    nursery: trio.Nursery, stream: trio.abc.Stream, host: str, target: str, headers: list[tuple[bytes, bytes]]
) -> WebSocketConnection:
    """Shake hands over a stream; a checkpoint.

    Args:
        nursery: Where the reader task runs.
        stream: Connected to the server.
        host: What to send as Host.
        target: Path and query.
        headers: Further HTTP headers.

    Raises:
        HallError: `forbidden` where the server lets nobody in, `unavailable` where it is none.
    """
    reader = Reader(nursery, HANDSHAKE_S)
    with reader.handshake:
        return await wrap_client_stream(
            reader.as_nursery(),
            cast("trio.SocketStream", stream),  # any stream will do
            host,
            target,
            subprotocols=["mcp"],
            extra_headers=headers,
            max_message_size=MAX_RESULT_BYTES,
            receive_buffer_size=RECEIVE_BYTES,
        )
    if isinstance(reader.error, ConnectionRejected):
        status, body = reader.error.status_code, (reader.error.body or b"").decode("utf-8", "replace").strip()
        raise HallError("forbidden", f"{host} answered HTTP {status}: {body}", {"status": status})
    raise HallError("unavailable", f"{host} did not shake hands: {reader.error!r}; is it a hall?")
