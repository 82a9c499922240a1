"""A whole round with the Python SDK 1.x; runs in an environment of its own: `mcp1_round.py URL STREAM`."""

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.websocket import websocket_client


async def main(url: str, stream: str) -> None:
    async with websocket_client(url) as (read, write), ClientSession(read, write) as session:
        server = await session.initialize()
        tools = await session.list_tools()
        events = [{"type": "note", "data": {"n": 1}}, {"type": "note", "data": {"n": 2, "ü": "é"}}]
        append = {"events": events, "stream": stream, "expected_revision": "no_stream"}
        appended = await session.call_tool("append_events", append)
        page = await session.call_tool("query_events", {"stream": stream})
        verdict = await session.call_tool("validate", {"tool": "Bash", "input": {"command": "git status"}})
        refused = await session.call_tool("append_events", append)
        seen = {
            "server": server.serverInfo.name,
            "stream": stream,
            "tools": [tool.name for tool in tools.tools],
            "appended": appended.structuredContent,
            "page": page.structuredContent,
            "verdict": verdict.structuredContent,
            "refused": refused.structuredContent,
        }
        print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
