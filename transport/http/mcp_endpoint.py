"""MCP at its path: message parser, limits of a session and order of its appends, then the fast lane or the SDK."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import msgspec
from mcp.shared.dispatcher import coerce_request_id
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from actors.desk.gate import Gate
from transport.http.fast_lane import CALL, HttpCall, HttpLane
from transport.http.request_checks import CHECKED_REQUEST, CheckedRequest
from transport.http.sessions import HttpSession, Sessions, user_of
from transport.mcp.in_flight import BUSY_S, TOO_MANY_REQUESTS, InFlightHold
from transport.mcp.message_parser import INVALID_REQUEST, LARGE_BYTES, Malformed, RequestId, parse, text_of
from transport.mcp.request_context import REQUEST_CONTEXT, RequestContext
from transport.mcp.ticket_queue import Ticket
from transport.mcp.tools.toolset import ORDERED

_encode = msgspec.json.Encoder().encode


class _Refused(Exception):  # noqa: N818 - states a fact about a request
    def __init__(self, request_id: RequestId, message: str, detail: dict[str, Any]) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.detail = detail


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
        # The SDK lets a session be used only by who began it, and knows them by this.
        scope["user"] = user_of(checked.caller.principal)
        session = self._sessions.find(scope, checked.caller.principal)
        caller = checked.caller if session is None else session.caller
        scope[REQUEST_CONTEXT] = RequestContext(caller)
        if scope["method"] != "POST":
            await self._sessions.handle_request(scope, receive, send)
            return
        size = len(checked.body)
        if size > LARGE_BYTES:
            await self._gate.wait_until_paid(caller.principal)
        try:
            message = parse(text_of(checked.body))
            hold = None if session is None else _admitted(session, message, size)
        except Malformed as malformed:
            await self._gate.charge_refused(caller.principal, size)
            await _error(400, malformed.request_id, malformed.code, malformed.message)(scope, receive, send)
        except _Refused as refused:
            response = _error(429, refused.request_id, TOO_MANY_REQUESTS, str(refused), refused.detail)
            await response(scope, receive, send)
        else:
            ticket = None if session is None else _ticket(session, message)
            scope[REQUEST_CONTEXT] = RequestContext(caller, ticket, hold=hold, size=size)
            await self._serve(HttpCall(scope, message, scope[REQUEST_CONTEXT], session), receive, send)

    async def _serve(self, call: HttpCall, receive: Receive, send: Send) -> None:
        ticket, hold, message = call.context.ticket, call.context.hold, call.message
        try:
            if self._lane is not None and await self._lane.take(call, receive, send):
                return
            if message.get("method") == "initialize" and "id" in message:
                send = self._sessions.opening(message["id"], call.context.caller.principal, send)
            elif message.get("method") == "notifications/cancelled" and call.session is not None:
                call.session.cancel_scopes.cancel(message.get("params"))
            with nullcontext() if hold is None else hold:
                await self._sessions.handle_request(call.scope, receive, send)
        finally:
            if ticket is not None and not ticket.awaited:  # else its tool ends it
                ticket.finish()


def _ticket(session: HttpSession, message: dict[str, Any]) -> Ticket | None:
    params = message.get("params")
    name = params.get("name") if params is not None else None
    ordered = message.get("method") == CALL and isinstance(name, str) and name in ORDERED
    return session.tickets.take() if ordered else None


def _admitted(session: HttpSession, message: dict[str, Any], size: int) -> InFlightHold | None:
    """Return the place of a request among those under way in its session; None for anything but a request.

    Raises:
        Malformed: Its id is under way.
        _Refused: There are too many.
    """
    if "id" not in message or "method" not in message:
        return None
    request_id, under_way = message["id"], session.in_flight
    key = coerce_request_id(request_id)
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


def _error(
    status: int, request_id: RequestId | None, code: int, message: str, detail: dict[str, Any] | None = None
) -> Response:
    error: dict[str, Any] = {"code": code, "message": message}
    headers: dict[str, str] = {}
    if detail is not None:
        error["data"] = {"error": {"code": "rate_limited", **detail}}
        headers["Retry-After"] = str(max(1, round(detail["retry_after_s"] + 0.5)))
    body = _encode({"jsonrpc": "2.0", "id": request_id, "error": error})
    return Response(body, status, headers, media_type="application/json")
