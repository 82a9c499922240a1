"""JSON-RPC from the client's side: many requests under way over one websocket, each answered in its caller's task."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import anyio
import msgspec

from transport.dial.address import Lost
from transport.dial.websocket import WebSocket

PROTOCOL: Final = "2025-11-25"
UPDATED: Final = "notifications/resources/updated"
EVENTS_GONE: Final = "events_gone"
"""The code of what has left the log."""

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


class EventsGone(HallError):  # noqa: N818 - the name that the store's own has
    """What was asked for has left the log.

    Attributes:
        first_sequence: The first event that is left: go on behind the one before it, or with `skip_gone`.
    """

    @property
    def first_sequence(self) -> int:  # noqa: D102 - see above
        first: int = self.detail["first_sequence"]
        return first


class _Error(msgspec.Struct):
    code: int
    message: str = ""
    data: Any = None


class _Content(msgspec.Struct):
    error: dict[str, Any]


class _Updated(msgspec.Struct):
    uri: str


class _Response(msgspec.Struct):
    id: int | str | None = None
    result: dict[str, Any] | None = None
    error: _Error | None = None
    method: str | None = None
    params: Any = None


class _Waiting:
    __slots__ = ("answered", "response")

    def __init__(self) -> None:
        self.answered = anyio.Event()
        self.response: _Response | None = None


class Rpc:
    """The calls over one websocket.

    Args:
        websocket: Open; see `transport.dial.websocket.open_websocket`.
        told: Called with the URI of each resource that the hall says has changed.

    Attributes:
        gone: Set by the owner once the connection's end has been noticed.
    """

    def __init__(self, websocket: WebSocket, told: Callable[[str], None]) -> None:
        self._websocket = websocket
        self._told = told
        self._subscribing: dict[int, str] = {}
        self.gone = anyio.Event()
        self._next_id = 0
        self._waiting: dict[int, _Waiting] = {}
        self._lost: Lost | None = None
        self._decode = msgspec.json.Decoder(_Response).decode

    async def initialize(self) -> None:
        """Begin the MCP session; a checkpoint. Before `read`, which nobody does yet.

        Raises:
            HallError: The server does not answer as an MCP server would.
            Lost: The connection has ended.
        """
        client = {"name": "moothall-client", "version": "1"}
        params = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
        await self._send({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
        waiting = self._waiting[0] = _Waiting()
        while waiting.response is None:
            self._take(await self._received())
        del self._waiting[0]
        _result_of(waiting.response)
        await self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def read(self) -> Lost:
        """Give each answer to its caller until the connection ends; returns why it did. Checkpoints."""
        try:
            while True:
                self._take(await self._received())
        except Lost as lost:
            self._lost = lost
            for waiting in self._waiting.values():
                waiting.answered.set()
            return lost

    async def aclose(self) -> None:
        """Send what is queued and close the connection; a checkpoint."""
        await self._websocket.aclose()

    async def call_tool(self, tool: str, arguments: dict[str, Any] | msgspec.Raw) -> dict[str, Any]:
        """Call a tool and return its structured content; a checkpoint. Cancelling it cancels it at the server.

        Raises:
            HallError: The tool refused.
            Lost: The connection has ended; whether the call was heard is unknown.
        """
        result = await self.request("tools/call", {"name": tool, "arguments": arguments})
        structured: dict[str, Any] = result.get("structuredContent", {})
        if result.get("isError"):
            raise _hall_error(structured, "no reason given", "unavailable")
        return structured

    async def subscribe_again(self, uri: str) -> None:
        """Subscribe to a resource; a checkpoint. Once the hall has, it is told of as changed: it may have, before.

        Raises:
            Lost: The connection has ended.
        """
        self._next_id += 1
        self._subscribing[self._next_id] = uri
        params = {"uri": uri}
        await self._send({"jsonrpc": "2.0", "id": self._next_id, "method": "resources/subscribe", "params": params})

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Make a request and return its result; a checkpoint. Cancelling it cancels it at the server.

        Raises:
            HallError: The hall answered with an error.
            Lost: The connection has ended; whether the request was heard is unknown.
        """
        self._next_id += 1
        request_id = self._next_id
        waiting = self._waiting[request_id] = _Waiting()
        try:
            await self._send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
            await waiting.answered.wait()
        except anyio.get_cancelled_exc_class():
            await self._abandon(request_id)
            raise
        finally:
            del self._waiting[request_id]
        if waiting.response is None:
            raise self._lost or Lost("the connection is closed")
        return _result_of(waiting.response)

    async def _send(self, message: dict[str, Any]) -> None:
        await self._websocket.send(_encode(message).decode())

    async def _abandon(self, request_id: int) -> None:
        with suppress(Lost):
            params = {"requestId": request_id}
            await self._send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})

    async def _received(self) -> _Response:
        text = await self._websocket.receive()
        try:
            return self._decode(text)
        except msgspec.MsgspecError as error:
            raise Lost(f"the server sent what is no JSON-RPC: {error}") from None

    def _take(self, response: _Response) -> None:
        if response.method == UPDATED:
            with suppress(msgspec.ValidationError):
                self._told(msgspec.convert(response.params, _Updated).uri)
        elif response.method is None and isinstance(response.id, int) and response.id in self._subscribing:
            self._told(self._subscribing.pop(response.id))
        elif response.method is None and isinstance(response.id, int) and response.id in self._waiting:
            waiting = self._waiting[response.id]
            waiting.response = response
            waiting.answered.set()


def _result_of(response: _Response) -> dict[str, Any]:
    if response.error is not None:
        raise _hall_error(response.error.data, f"{response.error.message} ({response.error.code})", "invalid")
    return response.result if response.result is not None else {}


def _hall_error(content: Any, message: str, code: str) -> HallError:
    """Make an error of `{error: {code, message, ...}}`, the contract's form, as far as it is there."""
    try:
        found = msgspec.convert(content, _Content).error
    except msgspec.ValidationError:
        found = {}
    code = found.pop("code", code)
    kind = EventsGone if code == EVENTS_GONE and isinstance(found.get("first_sequence"), int) else HallError
    return kind(code, found.pop("message", message), found)
