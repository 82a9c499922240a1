"""The hall's tools behind the MCP SDK's low-level server; only an unknown tool is an error of the protocol."""

from __future__ import annotations

from typing import Any, Final, cast

import mcp_types as types
import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from actors.gate import Gate
from transport.calls import Outcome, run_tool
from transport.order import arrival_of
from transport.schemas import input_schema, output_schema
from transport.toolset import TOOLS, Tool

INSTRUCTIONS: Final = (
    "Moothall keeps a durable event log and judges actions before they are taken. Call `validate` with the tool and "
    "its input before you run anything that changes the world: on `allow` go on, on `deny` do something else, on `ask` "
    "ask the person you work for. Record what others should know with `append_events`; follow with `query_events`."
)

_encode = msgspec.json.Encoder().encode

Context = ServerRequestContext[Any, Any]


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
        arrival = arrival_of(context.request)
        # Plain data, which the SDK takes too and need not dump first.
        return cast("types.CallToolResult", _result(await run_tool(gate, tool, arrival, params.arguments or {})))

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


def _result(outcome: Outcome) -> dict[str, Any]:
    structured = msgspec.to_builtins(outcome.content)
    return {
        "content": [{"type": "text", "text": _encode(structured).decode()}],
        "structuredContent": structured,
        "isError": outcome.is_error,
        "resultType": "complete",
    }


def _listed(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": input_schema(tool.arguments),
        "outputSchema": output_schema(tool.result),
    }
