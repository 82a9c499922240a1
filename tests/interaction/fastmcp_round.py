"""A whole round with FastMCP's client over streamable HTTP: `fastmcp_round.py URL STREAM TOKEN`."""

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport


async def main(url: str, stream: str, token: str) -> None:
    async with Client(StreamableHttpTransport(url, headers={"Authorization": f"Bearer {token}"})) as client:
        tools = await client.list_tools()

        async def call(tool: str, arguments: dict[str, object]) -> object:
            return (await client.call_tool(tool, arguments, raise_on_error=False)).structured_content

        events = [{"type": "note", "data": {"n": 1}}, {"type": "note", "data": {"n": 2, "ü": "é"}}]
        append = {"events": events, "stream": stream, "expected_revision": "no_stream"}
        seen = {
            "server": client.server_info.name,
            "stream": stream,
            "tools": [tool.name for tool in tools],
            "appended": await call("append_events", append),
            "page": await call("query_events", {"stream": stream}),
            "verdict": await call("validate", {"tool": "Bash", "input": {"command": "git status"}}),
            "refused": await call("append_events", append),
        }
        print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
