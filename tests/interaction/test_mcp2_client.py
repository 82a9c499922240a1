"""The MCP SDK's own client (2.x), in both lifecycles, against a real server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
import trio
from mcp import Client
from mcp.shared.message import SessionMessage
from mcp_types import SERVER_INFO_META_KEY, JSONRPCMessage, jsonrpc_message_adapter
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url


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
    stream = f"mcp2/{mode}"
    events = [{"type": "note", "data": {"n": 1}}, {"type": "note", "data": {"n": 2, "ü": "é"}}]
    async with Client(websocket_transport(hall_server.url, hall_server.token), mode=mode) as client:
        assert client.protocol_version == version
        tools = await client.list_tools()
        append = {"events": events, "stream": stream, "expected_revision": "no_stream"}
        appended = await client.call_tool("append_events", append)
        page = await client.call_tool("query_events", {"stream": stream})
        verdict = await client.call_tool("validate", {"tool": "Bash", "input": {"command": "git status"}})
        refused = await client.call_tool("append_events", append)
        assert refused.is_error
        # The stateless lifecycle has no initialize result; there every result says who made it.
        server = client.server_info.name if client.server_info else tools.meta[SERVER_INFO_META_KEY]["name"]
        check_round(
            {
                "server": server,
                "stream": stream,
                "tools": [tool.name for tool in tools.tools],
                "appended": appended.structured_content,
                "page": page.structured_content,
                "verdict": verdict.structured_content,
                "refused": refused.structured_content,
            }
        )
