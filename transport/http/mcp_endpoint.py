"""MCP at its path: message parser, limits of a session and order of its appends, then the fast lane or the SDK."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import trio
from mcp.server.streamable_http import LAST_EVENT_ID_HEADER
from mcp.shared.dispatcher import coerce_request_id
from mcp_types import UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from actors.desk.gate import Gate, Refusal
from actors.desk.shares import BUSY_S
from actors.session.messages import Principal
from transport.http.answered_requests import watched_for_answer
from transport.http.fast_lane import CALL, HttpCall, HttpLane
from transport.http.request_checks import CHECKED_REQUEST, CheckedRequest
from transport.http.session import HttpSession
from transport.http.session_transport import JSON_ALONE, accepting_both, accepts, in_event_stream
from transport.http.sessions import SESSION_ID, VERSION, Sessions, header_of, user_of
from transport.mcp.in_flight import TOO_MANY_REQUESTS, InFlightHold
from transport.mcp.message_parser import (
    INVALID_REQUEST,
    LARGE_BYTES,
    Malformed,
    RequestId,
    parse,
    request_id_of,
    text_of,
)
from transport.mcp.protocol_era import has_envelope
from transport.mcp.request_context import REQUEST_CONTEXT, RequestContext
from transport.mcp.ticket_queue import Ticket
from transport.mcp.tools.toolset import ORDERED

_encode = msgspec.json.Encoder().encode
_LAST_EVENT_ID: Final = LAST_EVENT_ID_HEADER.encode()
KNOWN_VERSIONS: Final = (*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS)
_CLEARED_S: Final = 1.0
"""How long a request may take to be cleared away whose answer was sent, in seconds; it is some rounds of the loop."""


class _Refused(Exception):  # noqa: N818 - states a fact about a request
    def __init__(self, request_id: RequestId | None, message: str, detail: dict[str, Any]) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.retry_after_s: float = detail["retry_after_s"]
        self.data = {"error": {"code": "rate_limited", **detail}}


class _UnknownVersion(Exception):  # noqa: N818 - states a fact about a request
    code = UNSUPPORTED_PROTOCOL_VERSION

    def __init__(self, version: str, request_id: RequestId | None) -> None:
        super().__init__(f"Unsupported protocol version {version[:64]!r}; one of `supported` is served")
        self.request_id = request_id
        self.data = {"supported": [*KNOWN_VERSIONS], "requested": version[:64]}


class McpEndpoint:
    """The ASGI application at `/mcp`.

    Args:
        gate: Charges for what is refused.
        sessions: Speaks MCP.
        lane: Takes what need not go to the SDK; None where everything shall.
    """

    def __init__(self, gate: Gate, sessions: Sessions, lane: HttpLane | None) -> None:
        self._gate = gate
        self._sessions = sessions
        self._lane = lane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a checkpoint."""
        checked: CheckedRequest = scope[CHECKED_REQUEST]
        principal = checked.caller.principal
        # The SDK lets a session be used only by who began it, and knows them by this.
        scope["user"] = user_of(principal)
        version = header_of(scope["headers"], VERSION)
        size = len(checked.body)
        if size > LARGE_BYTES:
            await self._gate.admit_large(principal, size)
        try:
            message = parse(text_of(checked.body)) if scope["method"] == "POST" else None
            if version is not None and version not in KNOWN_VERSIONS:
                _check_version(version, message)
            session = await self._session(scope, principal, message, version)
            caller = checked.caller if session is None else session.caller
            if message is None:
                scope[REQUEST_CONTEXT] = RequestContext(caller)
                await self._sessions.handle_request(scope, receive, send)
                return
            hold = None if session is None else await _admitted(session, message, size)
        except Malformed as malformed:
            await self._gate.charge_refused(principal, size)
            await _error(400, malformed.request_id, malformed.code, malformed.message)(scope, receive, send)
        except _UnknownVersion as unknown:
            await _error(400, unknown.request_id, unknown.code, str(unknown), unknown.data)(scope, receive, send)
        except _Refused as refused:
            response = _error(429, refused.request_id, TOO_MANY_REQUESTS, str(refused), refused.data)
            response.headers["Retry-After"] = str(max(1, round(refused.retry_after_s + 0.5)))
            await response(scope, receive, send)
        else:
            ticket = None if session is None else _ticket(session, message)
            scope[REQUEST_CONTEXT] = RequestContext(caller, ticket, hold=hold, size=size)
            await self._serve(HttpCall(scope, message, scope[REQUEST_CONTEXT], session), receive, send)

    async def _session(
        self, scope: Scope, principal: Principal, message: dict[str, Any] | None, version: str | None
    ) -> HttpSession | None:
        """Return the session that a request names, as far as there is one for it; a checkpoint where one is reopened.

        Changes what the SDK must not see in the request's headers.

        Raises:
            _Refused: One would be reopened, and the principal or all together have too many requests under way, or the
                principal's other sessions take too long.
        """
        sessions = self._sessions
        session = sessions.find(scope, principal)
        if scope["method"] == "DELETE":
            sessions.end_for_good(scope, principal)
        elif scope["method"] == "GET" and sessions.event_store is None:
            # The SDK would answer with nothing, not even a status: without a store there is nothing to send again.
            scope["headers"] = [header for header in scope["headers"] if header[0] != _LAST_EVENT_ID]
        if session is not None or version in MODERN_PROTOCOL_VERSIONS or not sessions.may_reopen(scope, principal):
            return session
        if scope["method"] == "GET" or (message is not None and message.get("method") != "initialize"):
            try:
                with self._gate.shares.requests.held(principal):
                    return await sessions.reopen(scope, principal)
            except Refusal as refusal:
                detail = {"retry_after_s": BUSY_S, **refusal.detail, "code": refusal.code}
                raise _Refused(request_id_of(message), refusal.message, detail) from None
        if message is not None:  # it begins a session of its own, whatever id it still carries
            scope["headers"] = [header for header in scope["headers"] if header[0] != SESSION_ID]
        return None

    async def _serve(self, call: HttpCall, receive: Receive, send: Send) -> None:
        ticket, hold, message, session = call.context.ticket, call.context.hold, call.message, call.session
        try:
            if self._lane is not None and await self._lane.take(call, receive, send):
                return
            scope, (has_json, has_stream) = call.scope, accepts(call.scope)
            JSON_ALONE.set(has_json and not has_stream)
            if session is None and has_stream and not has_json:
                scope, send = accepting_both(scope), in_event_stream(send)
            if message.get("method") == "initialize" and "id" in message:
                send = self._sessions.opening(message["id"], call.context.caller.principal, send)
            elif message.get("method") == "notifications/cancelled" and session is not None:
                session.cancel_scopes.cancel(message.get("params"))
            if hold is None or session is None:
                await self._sessions.handle_request(scope, receive, send)
                return
            with session.noting_answer(message["id"]) as noted, hold:
                await self._sessions.handle_request(scope, receive, watched_for_answer(message["id"], send, noted))
        finally:
            if ticket is not None and not ticket.awaited:  # else its tool ends it
                ticket.finish()


def _check_version(version: str, message: dict[str, Any] | None) -> None:
    """Raise for a version that nobody knows, but where the SDK says so: of a request with the envelope of that version.

    Raises:
        _UnknownVersion: It is not known.
    """
    if message is None or not has_envelope(message.get("params")):
        raise _UnknownVersion(version, request_id_of(message))


def _ticket(session: HttpSession, message: dict[str, Any]) -> Ticket | None:
    params = message.get("params")
    name = params.get("name") if params is not None else None
    ordered = message.get("method") == CALL and isinstance(name, str) and name in ORDERED
    return session.tickets.take() if ordered else None


async def _admitted(session: HttpSession, message: dict[str, Any], size: int) -> InFlightHold | None:
    """Return the place of a request among those under way in its session; None for anything but a request.

    A checkpoint only where the id was answered already, and the last of that request is still being cleared away.

    Raises:
        Malformed: Its id is under way.
        _Refused: There are too many.
    """
    if "id" not in message or "method" not in message:
        return None
    request_id, under_way = message["id"], session.in_flight
    key = coerce_request_id(request_id)
    if key in under_way and key in session.answered:
        with trio.move_on_after(_CLEARED_S):
            await session.answered[key].wait()
    if key in under_way:
        raise Malformed(INVALID_REQUEST, "a request with this id is under way; use each id once", request_id)
    if not under_way.has_room(size):
        why = f"{len(under_way)} requests are under way in this session; wait for answers"
        raise _Refused(request_id, why, {"in_flight": len(under_way), "retry_after_s": BUSY_S})
    params: dict[str, Any] | None = message.get("params")
    wait_s = session.sessionless.wait_s(message["method"], params or {})
    if wait_s is not None:
        why = f"too many requests of this kind in this session; retry after {wait_s:.3f} s"
        raise _Refused(request_id, why, {"retry_after_s": wait_s})
    return InFlightHold(under_way, key, size)


def _error(status: int, request_id: RequestId | None, code: int, message: str, data: Any = None) -> Response:
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    body = _encode({"jsonrpc": "2.0", "id": request_id, "error": error})
    return Response(body, status, media_type="application/json")
