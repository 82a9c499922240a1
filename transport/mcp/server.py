"""The hall's tools behind the MCP SDK's low-level server; only an unknown tool is an error of the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final, TypeVar, cast

import mcp_types as types
import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from actors.desk.gate import Gate
from transport.mcp import resources
from transport.mcp.elicitation import ROLES, Elicitation, PersonAtClient, offered
from transport.mcp.progress import telling
from transport.mcp.prompts import PROMPTS, prompt
from transport.mcp.request_context import request_context_of
from transport.mcp.resource_updates import ResourceUpdates
from transport.mcp.subscriptions_listen import FairListenHandler
from transport.mcp.tool_calls import Outcome, run_tool
from transport.mcp.tools.log_schemas import QueryResult
from transport.mcp.tools.schema import input_schema, output_schema
from transport.mcp.tools.tool import Tool
from transport.mcp.tools.toolset import TOOLS

INSTRUCTIONS: Final = (
    "Moothall keeps a durable event log and judges actions before they are taken. Call `validate` with the tool and "
    "its input before you run anything that changes the world: on `allow` go on, on `deny` do something else, on `ask` "
    "ask the person you work for. Record what others should know with `append_events`; follow with `query_events`."
)

_encode = msgspec.json.Encoder().encode

PAGE: Final = 100
"""How many items of a list come at once: today's lists are shorter, so clients that know no cursors miss nothing."""

COMPLETIONS: Final = 100
"""How many completions come at once: the protocol allows no more."""

Context = ServerRequestContext[Any, Any]
Paged = types.PaginatedRequestParams | None
T = TypeVar("T")


class HallServer(Server[Any]):
    """The MCP server of a hall.

    Attributes:
        updates: Who is told of changed resources. Run it for as long as connections are served.
    """

    updates: ResourceUpdates


def make_server(gate: Gate, version: str, *, elicitation: Elicitation = "off") -> HallServer:
    """Return the MCP server of a hall; one serves every connection.

    Args:
        gate: What the tools call.
        version: What the server says its version is.
        elicitation: Whose clients ask a person what their agent waits for.
    """
    handlers = _Handlers(gate, elicitation)
    server = HallServer(
        "moothall",
        version=version,
        title="Moothall",
        instructions=INSTRUCTIONS,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read_resource,
        on_subscribe_resource=handlers.subscribe,
        on_unsubscribe_resource=handlers.unsubscribe,
        on_subscriptions_listen=FairListenHandler(handlers.updates.bus, gate.shares.listening),
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.get_prompt,
        on_completion=handlers.complete,
        get_tool_input_schema=handlers.input_schema,
    )
    server.updates = handlers.updates
    # Spans for an exporter that nobody here installs: a tenth of a request's time.
    server.middleware.clear()
    return server


class _Handlers:
    """The handlers of one server."""

    def __init__(self, gate: Gate, elicitation: Elicitation) -> None:
        self._gate = gate
        self._asked_at_clients = ROLES[elicitation]
        self._tools = [types.Tool.model_validate(_listed(tool)) for tool in TOOLS.values()]
        self._schemas = {tool.name: tool.input_schema for tool in self._tools}
        self.updates = ResourceUpdates(gate)

    async def list_tools(self, _context: Context, params: Paged) -> types.ListToolsResult:
        tools, following = page_of(self._tools, params)
        return types.ListToolsResult(tools=tools, next_cursor=following)

    async def call_tool(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}; tools/list shows what there is")
        request, person = request_context_of(context.request), None
        if request.caller.principal.role in self._asked_at_clients and offered(context):
            person = PersonAtClient(context, params.input_responses)
            request = request._replace(person=person.ask)
        arguments = params.arguments or {}
        with nullcontext() if request.hold is None else request.hold:
            outcome = await telling(context, arguments, run_tool(self._gate, tool, request, arguments))
        if person is not None and person.question is not None:
            return person.question
        # Plain data, which the SDK takes too and need not dump first.
        return cast("types.CallToolResult", _result(outcome))

    def input_schema(self, name: str) -> dict[str, Any] | None:
        """Return a tool's schema; without this the SDK would list all tools for each call over HTTP."""
        return self._schemas.get(name)

    async def list_resources(self, _context: Context, params: Paged) -> types.ListResourcesResult:
        found, following = page_of(resources.RESOURCES, params)
        return types.ListResourcesResult(resources=found, next_cursor=following)

    async def list_templates(self, _context: Context, params: Paged) -> types.ListResourceTemplatesResult:
        found, following = page_of(resources.TEMPLATES, params)
        return types.ListResourceTemplatesResult(resource_templates=found, next_cursor=following)

    async def read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        return await resources.read(self._gate, request_context_of(context.request), str(params.uri))

    async def subscribe(self, context: Context, params: types.SubscribeRequestParams) -> types.EmptyResult:
        caller, uri = request_context_of(context.request).caller, str(params.uri)
        resources.check_readable(uri, caller.principal.role)
        self.updates.subscribe(caller, uri, context.session)
        return types.EmptyResult()

    async def unsubscribe(self, context: Context, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        self.updates.unsubscribe(request_context_of(context.request).caller.connection, str(params.uri))
        return types.EmptyResult()

    async def list_prompts(self, _context: Context, params: Paged) -> types.ListPromptsResult:
        found, following = page_of(PROMPTS, params)
        return types.ListPromptsResult(prompts=found, next_cursor=following)

    async def get_prompt(self, _context: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        return prompt(params.name, params.arguments or {})

    async def complete(self, context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        """Complete the name of a stream, from the streams of the latest events."""
        if params.argument.name != "stream":
            return types.CompleteResult(completion=types.Completion(values=[], total=0, has_more=False))
        filters = {"order": "desc", "limit": 1000}
        outcome = await run_tool(self._gate, TOOLS["query_events"], request_context_of(context.request), filters)
        events = outcome.content.events if isinstance(outcome.content, QueryResult) else []
        fitting = sorted({event.stream for event in events if event.stream.startswith(params.argument.value)})
        values = fitting[:COMPLETIONS]
        completion = types.Completion(values=values, total=len(fitting), has_more=len(fitting) > len(values))
        return types.CompleteResult(completion=completion)


def page_of(items: Sequence[T], params: Paged, size: int = PAGE) -> tuple[list[T], str | None]:
    """Return a page of a list and the cursor of the next one, None at the end.

    Args:
        items: The whole list.
        params: Where the page begins: a cursor that was given out before, or nothing.
        size: How many items a page has.

    Raises:
        MCPError: The cursor is not one that was given out.
    """
    cursor = params.cursor if params is not None and params.cursor is not None else "0"
    if not cursor.isdecimal() or int(cursor) % size or (int(cursor) and int(cursor) >= len(items)):
        raise MCPError(types.INVALID_PARAMS, f"unknown cursor {cursor[:64]!r}; begin without one")
    end = int(cursor) + size
    return list(items[int(cursor) : end]), str(end) if end < len(items) else None


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
        "annotations": {
            "readOnlyHint": tool.reads_only,
            "destructiveHint": False,
            "idempotentHint": tool.reads_only,
            "openWorldHint": False,
        },
    }
