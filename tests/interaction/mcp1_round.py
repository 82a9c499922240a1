"""A whole round with the Python SDK 1.x; runs in an environment of its own: `mcp1_round.py URL STREAM`."""

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.websocket import websocket_client
from mcp.types import ElicitResult, ResourceUpdatedNotification, ServerNotification
from whole_round import whole_round


async def allow(_context, _params):
    return ElicitResult(action="accept", content={"decision": "allow"})


async def main(url: str, stream: str) -> None:
    told = asyncio.Queue()

    async def hear(message):
        if isinstance(message, ServerNotification) and isinstance(message.root, ResourceUpdatedNotification):
            told.put_nowait(str(message.root.params.uri))

    async with (
        websocket_client(url) as (read, write),
        ClientSession(read, write, elicitation_callback=allow, message_handler=hear) as session,
    ):
        server = await session.initialize()

        async def call(tool, arguments):
            return (await session.call_tool(tool, arguments)).structuredContent

        await session.subscribe_resource(f"events://streams/{stream}")
        seen = await whole_round(call, stream)
        seen["server"] = server.serverInfo.name
        seen["tools"] = [tool.name for tool in (await session.list_tools()).tools]
        seen["told"] = await asyncio.wait_for(told.get(), 30)
        print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
