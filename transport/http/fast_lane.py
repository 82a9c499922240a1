"""The fast lane over HTTP: calls of hot tools answered without the SDK's pipeline, which alone is most of a request.

What makes it equal to the SDK, and is held to it by a test that sends the same requests both ways:

1. A request has passed the same parser, and the limits of its session, as any other.
2. Its headers are those that the SDK would take: both media types accepted, JSON sent, nothing twice. In a session of
   the handshake's lifecycle (`Mcp-Session-Id`), the session is its owner's and its `initialize` was answered with a
   result; without one, the headers say of the call what its body says, and its `_meta` is complete.
3. The call is one that the websocket's lane would take (`mcp/fast_lane.py`), and runs through the same functions.
4. The answer comes in the form that the SDK gives it: an event stream of one message in a session, plain JSON without.
   A call that the session's client cancels is answered with the SDK's error for that; one whose session ends under it,
   with nothing; one without a session ends with its connection.

What is not provably so goes to the SDK, untouched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, cast

import msgspec
import trio
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER, REQUEST_CANCELLED, check_accept_headers
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PARAM_HEADER_PREFIX,
    MCP_PROTOCOL_VERSION_HEADER,
)
from mcp_types import PROTOCOL_VERSION_META_KEY
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from actors.desk.gate import Gate
from transport.http.session import HttpSession
from transport.http.sessions import Sessions
from transport.mcp.fast_lane import answer, at_once, called
from transport.mcp.message_parser import RequestId
from transport.mcp.protocol_era import Era
from transport.mcp.request_context import RequestContext
from transport.mcp.tool_calls import Outcome, run_tool
from transport.mcp.tools.tool import Tool

CALL: Final = "tools/call"
_MEMBERS: Final = frozenset({"jsonrpc", "id", "method", "params"})
_SENT: Final = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_LOOKED_AT: Final = frozenset(
    name.encode()
    for name in (
        "accept",
        "content-type",
        MCP_SESSION_ID_HEADER,
        MCP_PROTOCOL_VERSION_HEADER,
        MCP_METHOD_HEADER,
        MCP_NAME_HEADER,
    )
)
_PARAM: Final = MCP_PARAM_HEADER_PREFIX.lower().encode()
_VERSION: Final = MCP_PROTOCOL_VERSION_HEADER.encode()
_HANDSHAKE: Final = frozenset(version.encode() for version in HANDSHAKE_PROTOCOL_VERSIONS)
_METHOD: Final = MCP_METHOD_HEADER.encode()
_NAME: Final = MCP_NAME_HEADER.encode()

_EVENT: Final = b"event: message\r\ndata: %s\r\n\r\n"
_JSON: Final = (b"content-type", b"application/json")
_STREAM: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
]

_encode = msgspec.json.Encoder().encode


class HttpCall(NamedTuple):
    """A POST whose message was parsed.

    Attributes:
        scope: The request's.
        message: Its body.
        context: What travels with it.
        session: The session that it names, if it is the caller's.
    """

    scope: Scope
    message: dict[str, Any]
    context: RequestContext
    session: HttpSession | None


class HttpLane:
    """The lane of one HTTP server.

    Args:
        gate: What the tools call.
        server: The MCP server.
        sessions: Those of the handshake's lifecycle.
    """

    def __init__(self, gate: Gate, server: Server[Any], sessions: Sessions) -> None:
        self._gate = gate
        self._sessions = sessions
        self._stateless = Era(server.server_info_stamp)
        self._stateless.asked("", CALL, {"_meta": {PROTOCOL_VERSION_META_KEY: LATEST_MODERN_VERSION}})

    async def take(self, call: HttpCall, receive: Receive, send: Send) -> bool:
        """Answer a call; a checkpoint. False where it is for the SDK: then nothing was done."""
        message = call.message
        if message.get("method") != CALL or not message.keys() <= _MEMBERS or "id" not in message:
            return False
        params = message.get("params")
        found = called(params) if params is not None else None
        headers = _single(call.scope["headers"])
        if found is None or params is None or headers is None or not _fit(headers):
            return False
        if headers.get(_VERSION) in _HANDSHAKE or _VERSION not in headers:
            session = call.session
            if session is None or not session.era.admits(params) or not self._sessions.keep_alive(session):
                return False
            await self._in_session(session, call, *found, send)
            return True
        if not (_says_the_same(headers, params) and self._stateless.admits(params)):
            return False
        await self._alone(call, *found, receive, send)
        return True

    async def _in_session(
        self, session: HttpSession, call: HttpCall, tool: Tool, arguments: dict[str, Any], send: Send
    ) -> None:
        outcome = at_once(self._gate, call.context, tool, arguments)
        if outcome is None:
            assert call.context.hold is not None
            with call.context.hold:
                work = partial(run_tool, self._gate, tool, call.context, arguments)
                outcome = await session.until_cancelled(call.message["id"], work)
        if outcome is not None:
            event = _EVENT % answer(call.message["id"], outcome, session.era.tail).encode()
        else:
            event = b"" if session.over else _EVENT % _cancelled(call.message["id"])
        headers = [*_STREAM, (MCP_SESSION_ID_HEADER.encode(), session.session_id.encode())]
        await _send(send, headers, event)

    async def _alone(self, call: HttpCall, tool: Tool, arguments: dict[str, Any], receive: Receive, send: Send) -> None:
        outcome = at_once(self._gate, call.context, tool, arguments)
        if outcome is None:
            outcome = await _unless_gone(receive, partial(run_tool, self._gate, tool, call.context, arguments))
        if outcome is not None:
            body = answer(call.message["id"], outcome, self._stateless.tail).encode()
            await _send(send, [_JSON, (b"content-length", b"%d" % len(body))], body)


def _single(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes] | None:
    """Return the headers that matter here; None where one is there twice, or names an argument."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _LOOKED_AT:
            if name in found:
                return None
            found[name] = value
        elif name.startswith(_PARAM):
            return None
    return found


def _fit(headers: dict[bytes, bytes]) -> bool:
    """Say whether the SDK would take what is sent, and may answer in either form."""
    return headers.get(b"content-type") in _SENT and _accepts_both(headers.get(b"accept", b""))


@lru_cache(maxsize=64)
def _accepts_both(accept: bytes) -> bool:
    return all(check_accept_headers(Request({"type": "http", "headers": [(b"accept", accept)]})))


def _says_the_same(headers: dict[bytes, bytes], params: dict[str, Any]) -> bool:
    meta: Any = params.get("_meta")
    return (
        isinstance(meta, dict)
        and cast("dict[str, Any]", meta).get(PROTOCOL_VERSION_META_KEY) == headers[_VERSION].decode("latin-1")
        and headers.get(_METHOD) == CALL.encode()
        and headers.get(_NAME) == params["name"].encode()
    )


def _cancelled(request_id: RequestId) -> bytes:
    error = {"code": REQUEST_CANCELLED, "message": "Request cancelled"}
    return _encode({"jsonrpc": "2.0", "id": request_id, "error": error})


async def _unless_gone(receive: Receive, work: Callable[[], Awaitable[Outcome]]) -> Outcome | None:
    """Return what comes of work; None where the client has gone before."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            outcome = await work()
            nursery.cancel_scope.cancel()
            return outcome
    return None


async def _send(send: Send, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
