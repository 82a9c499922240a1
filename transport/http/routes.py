"""What is served over HTTP: MCP, the health of the hall, and a plain way to ask for a verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from actors.desk.gate import Gate
from transport.access.authentication import PATH
from transport.http.hook_routes import ROUTE, HookRoute
from transport.http.request_checks import CHECKED_REQUEST, CheckedRequest
from transport.mcp.message_parser import LARGE_BYTES, Malformed, decode, text_of
from transport.mcp.request_context import RequestContext
from transport.mcp.tool_calls import run_tool
from transport.mcp.tools.toolset import TOOLS

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


def make_routes(gate: Gate, mcp: ASGIApp, accepting: Callable[[], bool]) -> Starlette:
    """Return the application behind the checks of requests.

    Args:
        gate: Asked for verdicts and health.
        mcp: Speaks MCP.
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
        checked: CheckedRequest = request.scope[CHECKED_REQUEST]
        principal, size = checked.caller.principal, len(checked.body)
        if size > LARGE_BYTES:
            await gate.admit_large(principal, size)
        try:
            arguments = decode(text_of(checked.body))
        except Malformed as malformed:
            await gate.charge_refused(principal, size)
            return _json({"error": {"code": "invalid", "message": malformed.message}}, 400)
        context = RequestContext(checked.caller, size=size, by_hook=True)
        outcome = await run_tool(gate, TOOLS["validate"], context, arguments)
        content = outcome.content
        return _refusal(content) if isinstance(content, dict) else _json(content)

    routes = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/v1/validate", validate, methods=["POST"]),
            Route(ROUTE, HookRoute(gate).answer, methods=["POST"]),
            Route(PATH, mcp),
        ]
    )
    routes.router.redirect_slashes = False
    return routes


def _refusal(content: dict[str, Any]) -> Response:
    error: dict[str, Any] = content["error"]
    response = _json(content, STATUS_OF[error["code"]])
    if "retry_after_s" in error:
        response.headers["Retry-After"] = str(max(1, round(error["retry_after_s"] + 0.5)))
    return response


def _json(content: Any, status: int = 200) -> Response:
    return Response(_encode(content), status, media_type="application/json")
