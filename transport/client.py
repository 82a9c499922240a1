"""The Python client that an agent or a simulation uses: the hall's tools as typed methods, over one websocket.

It runs under Trio, speaks plain JSON-RPC with the handshake of 2025-11-25 and does not import the MCP SDK, which alone
would cost more than everything else here. Any number of requests may be under way at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Literal, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)

from transport.reader import Reader
from transport.schemas import (
    AppendResult,
    BatchResult,
    ExplainResult,
    HealthResult,
    QueryResult,
    VerdictResult,
    WhoAmIResult,
)

PROTOCOL: Final = "2025-11-25"
MAX_RESULT_BYTES: Final = 256 << 20
"""The largest message that the client takes from the server."""

QUEUE: Final = 64
"""How many requests may wait to be written; more wait in their callers."""

HANDSHAKE_S: Final = 30.0
"""How long the opening handshake may take, in seconds."""

RECEIVE_BYTES: Final = 65536
CLOSE_S: Final = 5.0
"""How long the end of a connection may take, in seconds."""

T = TypeVar("T")

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


class HallClient:
    """One connection to a hall; made by `connect`. Every method is a checkpoint and may raise `HallError`."""

    def __init__(self, websocket: WebSocketConnection) -> None:
        self._websocket = websocket
        self._next_id = 0
        self._waiting: dict[int, _Waiting] = {}
        self._ended: str | None = None
        self._queue, self._written = trio.open_memory_channel[str](QUEUE)
        self._sent = trio.Event()
        self._decode = msgspec.json.Decoder(_Response).decode

    async def start(self, nursery: trio.Nursery) -> None:
        """Shake hands; called by `connect`."""
        nursery.start_soon(self._read)
        nursery.start_soon(self._write)
        await self._shake_hands()

    async def aclose(self) -> None:
        """Send what is queued and close the connection; called at the end of `connect`'s block."""
        self._queue.close()
        if self._ended is None:
            await self._sent.wait()
        await self._websocket.aclose()

    async def health(self) -> HealthResult:
        """Return how the hall is."""
        return await self._call("health", {}, HealthResult)

    async def whoami(self) -> WhoAmIResult:
        """Return who the hall takes this client for."""
        return await self._call("whoami", {}, WhoAmIResult)

    async def append(
        self,
        events: Sequence[dict[str, Any]],
        *,
        stream: str | None = None,
        expected_revision: int | Literal["any", "no_stream", "exists"] | None = None,
        fail_if: dict[str, Any] | None = None,
        command_id: str | None = None,
    ) -> AppendResult:
        """Append events, all or none; each is `{type, data?, stream?, correlation_id?, causation_id?, metadata?}`.

        After `deadline`, `unavailable` or a cancellation the outcome is unknown: retry with the same `command_id`.
        """
        optional = {
            "stream": stream,
            "expected_revision": expected_revision,
            "fail_if": fail_if,
            "command_id": command_id,
        }
        return await self._call("append_events", {"events": list(events), **_given(optional)}, AppendResult)

    async def query(self, **filters: Any) -> QueryResult:
        """Return a page of events; takes the arguments of `query_events`."""
        return await self._call("query_events", _given(filters), QueryResult)

    async def validate(
        self,
        tool: str,
        input: dict[str, Any],  # noqa: A002 - the contract's name
        *,
        cwd: str | None = None,
        wait_s: float | None = None,
    ) -> VerdictResult:
        """Ask whether an action may be taken."""
        arguments = {"tool": tool, "input": input, **_given({"cwd": cwd, "wait_s": wait_s})}
        return await self._call("validate", arguments, VerdictResult)

    async def validate_batch(self, requests: Sequence[dict[str, Any]]) -> list[VerdictResult]:
        """Ask for up to 1,000 actions, each `{tool, input, cwd?}`; the verdicts come in order."""
        return (await self._call("validate_batch", {"requests": list(requests)}, BatchResult)).verdicts

    async def explain(self, tool: str, input: dict[str, Any], *, cwd: str | None = None) -> ExplainResult:  # noqa: A002
        """Return a verdict and how it came about."""
        return await self._call("explain", {"tool": tool, "input": input, **_given({"cwd": cwd})}, ExplainResult)

    async def _call(self, tool: str, arguments: dict[str, Any], kind: type[T]) -> T:
        result = await self._request("tools/call", {"name": tool, "arguments": arguments})
        structured = result.get("structuredContent", {})
        if result.get("isError"):
            raise _hall_error(structured, "no reason given", "unavailable")
        return msgspec.convert(structured, kind)

    async def _request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
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

    async def _shake_hands(self) -> None:
        client = {"name": "moothall-client", "version": "1"}
        params = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
        await self._request("initialize", params)
        await self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def _read(self) -> None:
        try:
            while True:
                self._take(self._decode(await self._websocket.get_message()))
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


def _given(optional: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in optional.items() if value is not None}


@asynccontextmanager
async def connect(url: str, *, token: str | None = None) -> AsyncGenerator[HallClient]:
    """Connect to a hall for the length of a block.

    Args:
        url: As the server's ready line gives it: `ws://127.0.0.1:8765/mcp`.
        token: The agent's token.

    Raises:
        HallError: `unavailable` where nothing answers there, `forbidden` where the hall lets the client not in.

    Example:
        async with connect("ws://127.0.0.1:8765/mcp", token=token) as hall:
            verdict = await hall.validate("Bash", {"command": "git status"})
    """
    where = urlsplit(url)
    if where.scheme != "ws" or where.hostname is None:
        raise HallError("invalid", f"{url!r} is no address of a hall; write ws://HOST:PORT/mcp")
    try:
        stream = await trio.open_tcp_stream(where.hostname, where.port if where.port is not None else 80)
    except OSError as error:
        raise HallError("unavailable", f"cannot reach {where.netloc}: {error}; is `moothall serve` running?") from None
    target = f"{where.path}?{where.query}" if where.query else where.path
    async with connect_stream(stream, token=token, host=where.netloc, target=target) as hall:
        yield hall


@asynccontextmanager
async def connect_stream(
    stream: trio.abc.Stream, *, token: str | None = None, host: str = "localhost", target: str = "/mcp"
) -> AsyncGenerator[HallClient]:
    """Connect over a stream that is open already, such as one of `transport.memory`; see `connect`."""
    try:
        async with stream, trio.open_nursery() as nursery:
            headers = [] if token is None else [(b"Authorization", f"Bearer {token}".encode())]
            hall = HallClient(await _shake_hands(nursery, stream, host, target, headers))
            await hall.start(nursery)
            try:
                yield hall
            finally:
                with trio.move_on_after(CLOSE_S, shield=True):
                    await hall.aclose()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        # The nursery is an inner matter: what its block raised goes on as it was.
        inner, *others = group.exceptions
        if others:
            raise
        raise inner from inner.__cause__


async def _shake_hands(
    nursery: trio.Nursery, stream: trio.abc.Stream, host: str, target: str, headers: list[tuple[bytes, bytes]]
) -> WebSocketConnection:
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
