"""What is served over HTTP: MCP, the health of the hall, and a plain way to ask for a verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from actors.gate import Caller, Gate
from transport.calls import run_tool
from transport.door import PATH
from transport.edge import PARSE_ERROR, Malformed, decode, parse
from transport.http_front import VISIT, Visit
from transport.http_sessions import Sessions
from transport.inbound import ORDERED
from transport.order import ARRIVAL, Arrival, Rows, Turn
from transport.toolset import TOOLS

STATUS_OF: Final = {
    "invalid": 400,
    "forbidden": 403,
    "too_large": 413,
    "rate_limited": 429,
    "unavailable": 503,
    "deadline": 504,
}
"""The HTTP status that goes with each error code a verdict can be refused with."""

_encode = msgspec.json.Encoder().encode


def make_routes(gate: Gate, sessions: Sessions, accepting: Callable[[], bool]) -> Starlette:
    """Return the application behind the front.

    Args:
        gate: Asked for verdicts and health.
        sessions: Speaks MCP.
        accepting: Says whether the server takes new work.
    """

    async def healthz(_request: Request) -> Response:
        health = gate.health()
        about = {"status": health.status, "version": health.version, "uptime_s": health.uptime_s}
        return _json(about, 503 if health.status == "failing" else 200)

    async def readyz(_request: Request) -> Response:
        ready = accepting() and gate.health().status != "failing"
        return _json({"ready": ready}, 200 if ready else 503)

    async def validate(request: Request) -> Response:
        visit: Visit = request.scope[VISIT]
        try:
            arguments = decode(_text(visit.body))
        except Malformed as malformed:
            return _json({"error": {"code": "invalid", "message": malformed.message}}, 400)
        outcome = await run_tool(gate, TOOLS["validate"], Arrival(visit.caller), arguments)
        content = outcome.content
        return _refusal(content) if isinstance(content, dict) else _json(content)

    routes = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/v1/validate", validate, methods=["POST"]),
            Route(PATH, _Mcp(sessions)),
        ]
    )
    routes.router.redirect_slashes = False
    return routes


class _Mcp:
    """MCP at its path: the edge and the order of appends before the SDK's session manager."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._rows = Rows()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit: Visit = scope[VISIT]
        turn = None
        if scope["method"] == "POST":
            try:
                message = parse(_text(visit.body))
            except Malformed as malformed:
                await _malformed(malformed)(scope, receive, send)
                return
            turn = self._turn(scope, message)
        scope[ARRIVAL] = Arrival(self._caller(scope, visit.caller), turn)
        agent = visit.caller.principal.agent
        # The SDK lets a session be used only by who began it, and knows them by this.
        scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=agent, scopes=[]))
        try:
            await self._sessions.handle_request(scope, receive, send)
        finally:
            if turn is not None and not turn.awaited:  # else its tool ends it
                turn.finish()

    def _caller(self, scope: Scope, caller: Caller) -> Caller:
        session = _session_of(scope)
        return (None if session is None else self._sessions.caller(session, caller.principal)) or caller

    def _turn(self, scope: Scope, message: dict[str, Any]) -> Turn | None:
        session = _session_of(scope)
        params = message.get("params")
        name = params.get("name") if params is not None else None
        ordered = message.get("method") == "tools/call" and isinstance(name, str) and name in ORDERED
        return self._rows.take(session) if ordered and session is not None else None


def _session_of(scope: Scope) -> str | None:
    header = MCP_SESSION_ID_HEADER.encode()
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == header), None)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(PARSE_ERROR, f"not UTF-8: {error}") from None


def _malformed(malformed: Malformed) -> Response:
    error = {"code": malformed.code, "message": malformed.message}
    return _json({"jsonrpc": "2.0", "id": malformed.request_id, "error": error}, 400)


def _refusal(content: dict[str, Any]) -> Response:
    error: dict[str, Any] = content["error"]
    response = _json(content, STATUS_OF[error["code"]])
    if "retry_after_s" in error:
        response.headers["Retry-After"] = str(max(1, round(error["retry_after_s"] + 0.5)))
    return response


def _json(content: Any, status: int = 200) -> Response:
    return Response(_encode(content), status, media_type="application/json")
