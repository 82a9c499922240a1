"""The MCP SDK's own client (2.x), in both lifecycles, against a real server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import jsonschema
import pytest
import trio
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ListenNotSupportedError
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    SERVER_INFO_META_KEY,
    ElicitRequestParams,
    ElicitResult,
    JSONRPCMessage,
    PromptReference,
    ResourceTemplateReference,
    ResourceUpdatedNotification,
    jsonrpc_message_adapter,
)
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url
from whole_round import whole_round

from actors.kernel import running
from store import MemoryLog
from transport.access.tokens import Tokens
from transport.config import Config
from transport.mcp import resources
from transport.mcp import server as tools
from transport.server import Server


@asynccontextmanager
async def websocket_transport(url: str, token: str) -> AsyncGenerator[tuple[Any, Any]]:
    """The SDK has no websocket transport any more; this is one: a pair of streams, one message a text frame."""
    headers = [(b"Authorization", f"Bearer {token}".encode())]
    to_session, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, from_session = anyio.create_memory_object_stream[SessionMessage](0)
    async with (
        open_websocket_url(url, subprotocols=["mcp"], extra_headers=headers) as websocket,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_inwards, websocket, to_session)
        nursery.start_soon(_outwards, websocket, from_session)
        with to_session, read, write, from_session:
            yield read, write
            nursery.cancel_scope.cancel()


async def _inwards(websocket: WebSocketConnection, to_session: Any) -> None:
    try:
        while True:
            message: JSONRPCMessage = jsonrpc_message_adapter.validate_json(await websocket.get_message())
            await to_session.send(SessionMessage(message))
    except ConnectionClosed:
        await to_session.aclose()


async def _outwards(websocket: WebSocketConnection, from_session: Any) -> None:
    async for item in from_session:
        await websocket.send_message(item.message.model_dump_json(by_alias=True, exclude_unset=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28"), ("2026-07-28", "2026-07-28")]
)
async def test_the_sdks_client_does_a_whole_round(hall_server, check_round, mode: str, version: str):
    transport = websocket_transport(hall_server.url, hall_server.token)
    async with Client(transport, mode=mode, elicitation_callback=_allow) as client:
        assert client.protocol_version == version

        async def call(tool: str, arguments: dict[str, Any]) -> Any:
            return (await client.call_tool(tool, arguments)).structured_content

        seen = await whole_round(call, f"mcp2/{mode}")
        tools = await client.list_tools()
        # The stateless lifecycle has no initialize result; there every result says who made it.
        seen["server"] = client.server_info.name if client.server_info else tools.meta[SERVER_INFO_META_KEY]["name"]
        check_round(seen | {"tools": [tool.name for tool in tools.tools]})


async def _allow(_context: ClientRequestContext, _params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"decision": "allow"})


LIFECYCLES = ["legacy", "2026-07-28"]
IN_FLIGHT = 256
PATIENCE_S = 30.0
HANDSHAKE_ALONE = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
"""The SDK deprecates what the stateless lifecycle has no more; clients of the other one still use it."""


@pytest.fixture(params=LIFECYCLES)
def mode(request: pytest.FixtureRequest) -> str:
    lifecycle: str = request.param
    return lifecycle


@asynccontextmanager
async def http_transport(http: str, token: str) -> AsyncGenerator[tuple[Any, Any]]:
    """The SDK's own, as many requests at once as a test has."""
    many = httpx2.Limits(max_connections=None)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, limits=many, timeout=httpx2.Timeout(PATIENCE_S)) as web,
        streamable_http_client(f"{http}/mcp", http_client=web) as streams,
    ):
        yield streams


UNEXHAUSTED = pytest.mark.filterwarnings("ignore:Async generator 'http(x|core)2:ResourceWarning")
"""Event streams that the SDK's client leaves early are left to the garbage collector by its HTTP library."""


@pytest.fixture(params=["websocket", pytest.param("http", marks=UNEXHAUSTED)])
def transport(request: pytest.FixtureRequest, hall_server) -> Any:
    if request.param == "http":
        return http_transport(hall_server.http, hall_server.token)
    return websocket_transport(hall_server.url, hall_server.token)


@pytest.fixture
def client(transport: Any, mode: str) -> Client:
    return Client(transport, mode=mode)


@pytest.mark.slow
async def test_every_tool_says_what_it_takes_gives_and_changes(client: Client):
    async with client:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        health = await client.call_tool("health")
    for tool in listed.values():
        assert tool.description
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        assert tool.annotations is not None
        assert tool.annotations.open_world_hint is False
    jsonschema.validate(health.structured_content, listed["health"].output_schema)
    assert listed["query_events"].annotations.read_only_hint is True
    assert listed["append_events"].annotations.read_only_hint is False


@pytest.mark.slow
@pytest.mark.parametrize("listed", ["tools", "resources", "resource_templates", "prompts"])
async def test_lists_end_and_refuse_a_cursor_that_was_never_given_out(client: Client, listed: str):
    async with client:
        ask = getattr(client, f"list_{listed}")
        page = await ask()
        assert getattr(page, listed)
        assert page.next_cursor is None
        with pytest.raises(MCPError) as refused:
            await ask(cursor="17")
    assert refused.value.code == INVALID_PARAMS


@asynccontextmanager
async def hall_of_short_pages(directory: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> AsyncGenerator[Any]:
    """Serve in this process, on real sockets, lists whose pages are so long; yields the transport of each kind."""
    monkeypatch.setattr(tools, "page_of", partial(tools.page_of, size=size))
    (template,) = resources.TEMPLATES
    more = [template.model_copy(update={"name": f"stream {number}"}) for number in range(size)]
    monkeypatch.setattr(resources, "TEMPLATES", [template, *more])
    listeners, http = [await trio.open_tcp_listeners(0, host="127.0.0.1") for _ in range(2)]
    token = Tokens(directory).add("scout")
    server = Server(Config(), directory, open_log=MemoryLog)
    ports = [each[0].socket.getsockname()[1] for each in (listeners, http)]
    async with running(server.root(listeners, http), system=server.system):
        yield {
            "websocket": lambda: websocket_transport(f"ws://127.0.0.1:{ports[0]}/mcp", token),
            "http": lambda: http_transport(f"http://127.0.0.1:{ports[1]}", token),
        }


@UNEXHAUSTED
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["websocket", "http"])
async def test_lists_of_many_pages_are_read_to_their_end(tmp_path: Path, monkeypatch: Any, mode: str, kind: str):
    async with (
        hall_of_short_pages(tmp_path, monkeypatch, size=1) as transports,
        Client(transports[kind](), mode=mode) as client,
    ):
        for listed in ("tools", "resources", "resource_templates", "prompts"):
            ask, names, pages = getattr(client, f"list_{listed}"), [], 0
            page = await ask()
            while True:
                pages += 1
                names += [each.name for each in getattr(page, listed)]
                if page.next_cursor is None:
                    break
                page = await ask(cursor=page.next_cursor)
            assert pages == len(names) == len(set(names)) > 1
            with pytest.raises(MCPError) as refused:
                await ask(cursor=str(pages))
            assert refused.value.code == INVALID_PARAMS


@pytest.mark.slow
async def test_a_stream_is_found_by_completion_and_read_through_the_template(client: Client, mode: str):
    stream = f"features/{mode}/{id(client)}"
    async with client:
        await client.call_tool("append_events", {"events": [{"type": "note", "data": 7}], "stream": stream})
        (template,) = (await client.list_resource_templates()).resource_templates
        for reference in (
            ResourceTemplateReference(uri=template.uri_template),
            PromptReference(name="follow"),
        ):
            completed = await client.complete(reference, {"name": "stream", "value": stream})
            assert completed.completion.values == [stream]
        uri = template.uri_template.replace("{stream}", stream)
        (content,) = (await client.read_resource(uri)).contents
        assert '"data":7' in content.text
        with pytest.raises(MCPError):
            await client.read_resource("events://nothing")


@pytest.mark.slow
async def test_prompts_are_filled_in_and_miss_no_argument(client: Client):
    async with client:
        prompts = {each.name: each for each in (await client.list_prompts()).prompts}
        assert [each.required for each in prompts["follow"].arguments] == [True]
        filled = await client.get_prompt("follow", {"stream": "agent/rover"})
        assert "agent/rover" in filled.messages[0].content.text
        with pytest.raises(MCPError) as refused:
            await client.get_prompt("follow")
    assert refused.value.code == INVALID_PARAMS


@pytest.mark.slow
async def test_whoever_gives_up_gets_the_place_back_and_may_go_on(client: Client, mode: str):
    waiting = {"stream": f"never/{mode}", "wait_s": 60}
    async with client:
        for _ in range(2):
            async with anyio.create_task_group() as group:
                for _ in range(IN_FLIGHT * 3 // 4):
                    group.start_soon(client.call_tool, "query_events", waiting)
                await client.call_tool("health")
                group.cancel_scope.cancel()
        with anyio.fail_after(PATIENCE_S):
            assert not (await client.call_tool("whoami")).is_error


@pytest.mark.slow
async def test_a_call_that_waits_tells_its_progress(client: Client, mode: str):
    told = anyio.Event()

    async def progress(done: float, total: float | None, message: str | None) -> None:
        assert total == PATIENCE_S
        assert 0 < done < PATIENCE_S
        assert message
        told.set()

    waiting = {"stream": f"never/{mode}", "wait_s": PATIENCE_S}
    async with client, anyio.create_task_group() as group:
        group.start_soon(lambda: client.call_tool("query_events", waiting, progress_callback=progress))
        with anyio.fail_after(PATIENCE_S):
            await told.wait()
        group.cancel_scope.cancel()


@HANDSHAKE_ALONE
@pytest.mark.slow
async def test_a_handshake_client_subscribes_and_is_told_until_it_gives_up(transport: Any):
    send, told = anyio.create_memory_object_stream[str](10)

    async def hear(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            await send.send(str(message.params.uri))

    note = {"events": [{"type": "note"}], "stream": "told"}
    with send, told, anyio.fail_after(PATIENCE_S):
        async with Client(transport, mode="legacy", message_handler=hear) as client:
            await client.subscribe_resource("events://streams/told")
            await client.call_tool("append_events", note)
            assert await told.receive() == "events://streams/told"
            await client.unsubscribe_resource("events://streams/told")
            await client.subscribe_resource("events://log")
            await client.call_tool("append_events", note)
            assert await told.receive() == "events://log"
            with pytest.raises(ListenNotSupportedError):
                async with client.listen(resource_subscriptions=["events://log"]):
                    pass


@pytest.mark.slow
async def test_a_stateless_client_listens_and_is_told(transport: Any):
    with anyio.fail_after(PATIENCE_S):
        async with Client(transport, mode="2026-07-28") as client:
            async with client.listen(resource_subscriptions=["events://streams/heard"]) as changes:
                await client.call_tool("append_events", {"events": [{"type": "note"}], "stream": "heard"})
                change = await anext(aiter(changes))
                assert str(change.uri) == "events://streams/heard"
            assert not (await client.call_tool("health")).is_error


@HANDSHAKE_ALONE
@pytest.mark.slow
async def test_what_the_hall_does_not_offer_it_does_not_claim(client: Client, mode: str):
    async with client:
        offered = client.server_capabilities
        assert offered is not None
        assert offered.logging is None
        if mode == "legacy":
            with pytest.raises(MCPError) as refused:
                await client.set_logging_level("info")
            assert refused.value.code == METHOD_NOT_FOUND
