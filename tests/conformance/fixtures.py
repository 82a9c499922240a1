"""The tools, resources and prompts that the MCP conformance suite calls, behind the SDK's low-level server.

Each does what the description of the suite's scenario asks for, and no more. Results are plain data, as the hall's own
tools give them.
"""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
import trio
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp.shared.subscriptions import PromptsListChanged, ToolsListChanged

Context = ServerRequestContext[Any, Any]
Fields = dict[str, Any]
Handler = Callable[[Context, Any], Awaitable[Fields]]

PAUSE_S = 0.05
TOOLS: dict[str, tuple[Handler, Fields]] = {}
BUS = InMemorySubscriptionBus()


def _png() -> str:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff\x00\x00")
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b64encode(data).decode()


def _wav() -> str:
    format_chunk = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    data = b"WAVE" + format_chunk + b"data" + struct.pack("<I", 2) + b"\x80\x80"
    return b64encode(b"RIFF" + struct.pack("<I", len(data)) + data).decode()


PNG = {"type": "image", "data": _png(), "mimeType": "image/png"}


def text(words: str) -> Fields:
    return {"type": "text", "text": words}


def complete(*content: Fields, is_error: bool = False) -> Fields:
    return {"content": list(content), "isError": is_error, "resultType": "complete"}


def embedded(uri: str, words: str, mime: str = "text/plain") -> Fields:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": words}}


def tool(*required: str) -> Callable[[Handler], Handler]:
    """Register a tool under its function's name after `test_`, with these required strings."""

    def register(run: Handler) -> Handler:
        properties = {name: {"type": "string"} for name in required}
        TOOLS[f"test_{run.__name__}"] = run, {"type": "object", "properties": properties, "required": list(required)}
        return run

    return register


def asking(**requests: Fields) -> Fields:
    return {"resultType": "input_required", "inputRequests": requests}


def elicit_request(message: str, properties: Fields) -> Fields:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def sample_request(words: str, tokens: int) -> Fields:
    messages = [{"role": "user", "content": text(words)}]
    return {"method": "sampling/createMessage", "params": {"messages": messages, "maxTokens": tokens}}


ROOTS: Fields = {"method": "roots/list", "params": {}}
NAME = elicit_request("What is your name?", {"name": {"type": "string"}})
CONFIRM = elicit_request("Please confirm", {"ok": {"type": "boolean"}})


def answered(params: Any) -> Fields:
    """Return what the client has answered so far, as plain data; what is no answer is left out."""
    found = params.input_responses or {}
    plain = {key: value.model_dump(by_alias=True, mode="json") for key, value in found.items() if value is not None}
    return {key: value for key, value in plain.items() if value.get("action", "accept") == "accept"}


def field(response: Fields | None, name: str) -> Any:
    return ((response or {}).get("content") or {}).get(name)


@tool()
async def simple_text(_context: Context, _params: Any) -> Fields:
    return complete(text("This is a simple text response for testing."))


@tool()
async def image_content(_context: Context, _params: Any) -> Fields:
    return complete(PNG)


@tool()
async def audio_content(_context: Context, _params: Any) -> Fields:
    return complete({"type": "audio", "data": _wav(), "mimeType": "audio/wav"})


@tool()
async def embedded_resource(_context: Context, _params: Any) -> Fields:
    return complete(embedded("test://embedded-resource", "This is an embedded resource content."))


@tool()
async def multiple_content_types(_context: Context, _params: Any) -> Fields:
    data = json.dumps({"test": "data", "value": 123})
    resource = embedded("test://mixed-content-resource", data, "application/json")
    return complete(text("Multiple content types test:"), PNG, resource)


@tool()
async def error_handling(_context: Context, _params: Any) -> Fields:
    return complete(text("This tool intentionally returns an error for testing"), is_error=True)


async def log(context: Context, words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        await context.session.send_log_message("info", words, related_request_id=context.request_id)


@tool()
async def tool_with_logging(context: Context, _params: Any) -> Fields:
    await log(context, "Tool execution started")
    await trio.sleep(PAUSE_S)
    await log(context, "Tool processing data")
    await trio.sleep(PAUSE_S)
    await log(context, "Tool execution completed")
    return complete(text("Logged three times"))


@tool()
async def logging_tool(context: Context, _params: Any) -> Fields:
    await log(context, "heard only by who asked to hear it")
    return complete(text("Logged once"))


@tool()
async def tool_with_progress(context: Context, _params: Any) -> Fields:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
        await trio.sleep(PAUSE_S)
    return complete(text("Reported three times"))


@tool("prompt")
async def sampling(context: Context, params: Any) -> Fields:
    message = types.SamplingMessage(
        role="user", content=types.TextContent(type="text", text=params.arguments["prompt"])
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        found = await context.session.create_message([message], max_tokens=100, related_request_id=context.request_id)
    return complete(text(f"LLM response: {getattr(found.content, 'text', '')}"))


async def ask_form(context: Context, message: str, properties: Fields, required: list[str]) -> types.ElicitResult:
    schema = {"type": "object", "properties": properties, "required": required}
    return await context.session.elicit_form(message, schema, related_request_id=context.request_id)


@tool("message")
async def elicitation(context: Context, params: Any) -> Fields:
    properties = {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    }
    found = await ask_form(context, params.arguments["message"], properties, list(properties))
    return complete(text(f"User response: action: {found.action}, content: {json.dumps(found.content)}"))


@tool()
async def elicitation_sep1034_defaults(context: Context, _params: Any) -> Fields:
    properties = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    found = await ask_form(context, "Please check the defaults", properties, [])
    return complete(text(f"Elicitation completed: action={found.action}, content={json.dumps(found.content)}"))


@tool()
async def elicitation_sep1330_enums(context: Context, _params: Any) -> Fields:
    options = ["option1", "option2", "option3"]
    titled = [
        {"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)
    ]
    legacy = {"enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]}
    properties = {
        "untitledSingle": {"type": "string", "enum": options},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", **legacy},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    found = await ask_form(context, "Please choose", properties, [])
    return complete(text(f"Elicitation completed: action={found.action}, content={json.dumps(found.content)}"))


@tool()
async def input_required_result_elicitation(_context: Context, params: Any) -> Fields:
    name = field(answered(params).get("user_name"), "name")
    return asking(user_name=NAME) if not isinstance(name, str) else complete(text(f"Hello, {name}!"))


@tool()
async def input_required_result_sampling(_context: Context, params: Any) -> Fields:
    found = answered(params).get("capital_question")
    if found is None:
        return asking(capital_question=sample_request("What is the capital of France?", 100))
    return complete(text(str(field(found, "text"))))


@tool()
async def input_required_result_list_roots(_context: Context, params: Any) -> Fields:
    found = answered(params).get("client_roots")
    if found is None:
        return asking(client_roots=ROOTS)
    return complete(text("Roots: " + ", ".join(str(root["uri"]) for root in found["roots"])))


@tool()
async def input_required_result_request_state(_context: Context, params: Any) -> Fields:
    if "confirm" not in answered(params) or params.request_state != "confirming":
        return {**asking(confirm=CONFIRM), "requestState": "confirming"}
    return complete(text("state-ok"))


@tool()
async def input_required_result_tampered_state(context: Context, params: Any) -> Fields:
    return await input_required_result_request_state(context, params)


@tool()
async def input_required_result_multiple_inputs(_context: Context, params: Any) -> Fields:
    wanted = {"user_name": NAME, "greeting": sample_request("Generate a greeting", 50), "client_roots": ROOTS}
    if not wanted.keys() <= answered(params).keys():
        return {**asking(**wanted), "requestState": "three questions"}
    return complete(text("All three were answered"))


@tool()
async def input_required_result_multi_round(_context: Context, params: Any) -> Fields:
    found = answered(params)
    if params.request_state is None or (params.request_state == "1" and "step1" not in found):
        step = elicit_request("Step 1: What is your name?", {"name": {"type": "string"}})
        return {**asking(step1=step), "requestState": "1"}
    if params.request_state == "1" or "step2" not in found:
        step = elicit_request("Step 2: What is your favorite color?", {"color": {"type": "string"}})
        return {**asking(step2=step), "requestState": "2"}
    return complete(text(f"Your color is {field(found['step2'], 'color')}"))


@tool()
async def input_required_result_capabilities(context: Context, _params: Any) -> Fields:
    able = context.session.client_capabilities
    wanted: Fields = {}
    if able is not None and able.elicitation is not None:
        wanted["user_name"] = NAME
    if able is not None and able.sampling is not None:
        wanted["greeting"] = sample_request("Generate a greeting", 50)
    return asking(**wanted)


@tool()
async def streaming_elicitation(context: Context, _params: Any) -> Fields:
    await context.session.report_progress(0, 1)
    return asking(user_name=NAME)


@tool()
async def missing_capability(context: Context, _params: Any) -> Fields:
    able = context.session.client_capabilities
    if able is None or able.sampling is None:
        code, data = types.MISSING_REQUIRED_CLIENT_CAPABILITY, {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(code, "this tool needs a client that can sample", data)
    return complete(text("The client can sample"))


@tool()
async def trigger_tool_change(_context: Context, _params: Any) -> Fields:
    await BUS.publish(ToolsListChanged())
    return complete(text("The tools have changed"))


@tool()
async def trigger_prompt_change(_context: Context, _params: Any) -> Fields:
    await BUS.publish(PromptsListChanged())
    return complete(text("The prompts have changed"))


RESOURCES: dict[str, Fields] = {
    "test://static-text": {
        "mimeType": "text/plain",
        "text": "This is the content of the static text resource.",
    },
    "test://static-binary": {"mimeType": "image/png", "blob": PNG["data"]},
    "test://watched-resource": {"mimeType": "text/plain", "text": "Watch me."},
}
PROMPTS: dict[str, list[str]] = {
    "test_simple_prompt": [],
    "test_prompt_with_arguments": ["arg1", "arg2"],
    "test_prompt_with_embedded_resource": ["resourceUri"],
    "test_prompt_with_image": [],
    "test_input_required_result_prompt": [],
}


async def list_tools(_context: Context, _params: Any) -> types.ListToolsResult:
    listed = [{"name": name, "description": f"Fixture: {name}", "inputSchema": tool[1]} for name, tool in TOOLS.items()]
    return types.ListToolsResult.model_validate({"tools": listed})


async def call_tool(context: Context, params: types.CallToolRequestParams) -> Any:
    if params.name not in TOOLS:
        raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}")
    return await TOOLS[params.name][0](context, params)


async def list_resources(_context: Context, _params: Any) -> types.ListResourcesResult:
    listed = [
        {"uri": uri, "name": uri.removeprefix("test://"), "description": "A fixture", "mimeType": content["mimeType"]}
        for uri, content in RESOURCES.items()
    ]
    return types.ListResourcesResult.model_validate({"resources": listed})


async def list_templates(_context: Context, _params: Any) -> types.ListResourceTemplatesResult:
    template = {"uriTemplate": "test://template/{id}/data", "name": "template", "mimeType": "application/json"}
    return types.ListResourceTemplatesResult.model_validate({"resourceTemplates": [template]})


async def read_resource(_context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    uri = str(params.uri)
    found = RESOURCES.get(uri)
    if uri.startswith("test://template/") and uri.endswith("/data"):
        name = uri.removeprefix("test://template/").removesuffix("/data")
        data = {"id": name, "templateTest": True, "data": f"Data for ID: {name}"}
        found = {"mimeType": "application/json", "text": json.dumps(data)}
    if found is None:
        raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri})
    return types.ReadResourceResult.model_validate({"contents": [{"uri": uri, **found}]})


async def nothing(_context: Context, _params: Any) -> types.EmptyResult:
    return types.EmptyResult()


async def list_prompts(_context: Context, _params: Any) -> types.ListPromptsResult:
    listed = [
        {
            "name": name,
            "description": f"Fixture: {name}",
            "arguments": [{"name": each, "description": each, "required": True} for each in arguments],
        }
        for name, arguments in PROMPTS.items()
    ]
    return types.ListPromptsResult.model_validate({"prompts": listed})


async def get_prompt(_context: Context, params: types.GetPromptRequestParams) -> Any:
    arguments = params.arguments or {}
    match params.name:
        case "test_simple_prompt":
            said = [text("This is a simple prompt for testing.")]
        case "test_prompt_with_arguments":
            said = [text(f"Prompt with arguments: arg1='{arguments['arg1']}', arg2='{arguments['arg2']}'")]
        case "test_prompt_with_embedded_resource":
            resource = embedded(arguments["resourceUri"], "Embedded resource content for testing.")
            said = [resource, text("Please process the embedded resource above.")]
        case "test_prompt_with_image":
            said = [PNG, text("Please analyze the image above.")]
        case "test_input_required_result_prompt":
            context = field(answered(params).get("user_context"), "context")
            if context is None:
                wanted = elicit_request("What context should the prompt use?", {"context": {"type": "string"}})
                return asking(user_context=wanted)
            said = [text(f"The context is {context}")]
        case _:
            raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}")
    messages = [{"role": "user", "content": content} for content in said]
    return {"messages": messages, "resultType": "complete"}


async def complete_argument(_context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    values = [word for word in ("paris", "park", "party") if word.startswith(params.argument.value)]
    return types.CompleteResult.model_validate({"completion": {"values": values, "total": len(values)}})


def make_fixture_server() -> Any:
    """Return the server that the suite is run against."""
    hint = CacheHint(ttl_ms=60_000, scope="public")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        server = Server[Any](
            "moothall-conformance",
            version="1",
            cache_hints=dict.fromkeys(
                ("tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"), hint
            ),
            on_list_tools=list_tools,
            on_call_tool=call_tool,
            on_list_resources=list_resources,
            on_list_resource_templates=list_templates,
            on_read_resource=read_resource,
            on_subscribe_resource=nothing,
            on_unsubscribe_resource=nothing,
            on_subscriptions_listen=ListenHandler(BUS),
            on_list_prompts=list_prompts,
            on_get_prompt=get_prompt,
            on_completion=complete_argument,
            on_set_logging_level=nothing,
        )
    server.middleware.clear()
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=server.name))
    return server
