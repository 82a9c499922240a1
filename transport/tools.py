"""The hall's tools behind the MCP SDK's low-level server.

What goes wrong in a tool is a tool error with one of the contract's codes; only an unknown tool is an error of the
protocol, as the SDK does it. Arguments are converted by msgspec, which checks what the published schema says; the rare
value that JSON Schema takes and msgspec does not (1.0 as an integer) gets a second look with the schema itself.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, cast

import jsonschema
import mcp_types as types
import msgspec
import structlog
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from actors.gate import Gate, Refusal
from actors.kernel import ActorError, AskTimeout
from transport.order import Arrival
from transport.schemas import Arguments, input_schema, output_schema
from transport.toolset import TOOLS, Tool

log = structlog.get_logger(__name__)

INSTRUCTIONS: Final = (
    "Moothall keeps a durable event log and judges actions before they are taken. Call `validate` with the tool and "
    "its input before you run anything that changes the world: on `allow` go on, on `deny` do something else, on `ask` "
    "ask the person you work for. Record what others should know with `append_events`; follow with `query_events`."
)

_encode = msgspec.json.Encoder().encode

_EXPECTED: Final = frozenset({"rate_limited", "revision_conflict", "condition_failed"})
"""Refusals that are part of normal work and not worth a line in the log."""

Context = ServerRequestContext[Any, Arrival]


def make_server(gate: Gate, version: str) -> Server[Any]:
    """Return the MCP server of a hall; one serves every connection.

    Args:
        gate: What the tools call.
        version: What the server says its version is.
    """
    listed = types.ListToolsResult.model_validate({"tools": [_listed(tool) for tool in TOOLS.values()]})

    async def list_tools(_context: Context, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return listed

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}; tools/list shows what there is")
        arrival = context.request
        assert arrival is not None
        # Plain data, which the SDK takes too and need not dump first.
        return cast("types.CallToolResult", await _call(gate, tool, arrival, params.arguments or {}))

    server = Server[Any](
        "moothall",
        version=version,
        title="Moothall",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    # Spans for an exporter that nobody here installs: a tenth of a request's time.
    server.middleware.clear()
    return server


async def _call(gate: Gate, tool: Tool, arrival: Arrival, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        if arrival.turn is not None:
            await arrival.turn.wait()
        result = await tool.run(gate, arrival, _converted(tool.arguments, arguments))
    except Refusal as refusal:
        level = log.debug if refusal.code in _EXPECTED else log.info
        level("tool.refused", tool=tool.name, agent=arrival.caller.principal.agent, code=refusal.code)
        return _failed(refusal.code, refusal.message, refusal.detail)
    except AskTimeout as error:
        return _failed("deadline", str(error))
    except ActorError as error:
        return _failed("unavailable", str(error))
    except Exception:
        log.exception("tool.crashed", tool=tool.name, agent=arrival.caller.principal.agent)
        return _failed("unavailable", "the server failed on this call and logged why; the outcome is unknown")
    return _answer(msgspec.to_builtins(result), is_error=False)


def _failed(code: str, message: str, detail: dict[str, Any] | None = None) -> dict[str, Any]:
    return _answer({"error": {**(detail or {}), "code": code, "message": message}}, is_error=True)


def _answer(structured: dict[str, Any], *, is_error: bool) -> dict[str, Any]:
    return {
        "content": [{"type": "text", "text": _encode(structured).decode()}],
        "structuredContent": structured,
        "isError": is_error,
        "resultType": "complete",
    }


def _converted(kind: type[Arguments], arguments: dict[str, Any]) -> Arguments:
    try:
        return msgspec.convert(arguments, kind)
    except msgspec.ValidationError as error:
        if _fits(kind, arguments):
            return msgspec.convert(arguments, kind, strict=False)
        raise Refusal("invalid", f"{error}; tools/list shows the schema") from None


def _fits(kind: type[Arguments], arguments: Any) -> bool:
    validator: Any = _validator(kind)
    return bool(validator.is_valid(arguments))


@cache
def _validator(kind: type[Arguments]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(input_schema(kind))


def _listed(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": input_schema(tool.arguments),
        "outputSchema": output_schema(tool.result),
    }
