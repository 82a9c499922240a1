"""A whole round with FastMCP's client over streamable HTTP: `fastmcp_round.py URL STREAM TOKEN LIFECYCLE`."""

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from whole_round import whole_round


async def allow(_message, _type, _params, _context):
    return {"decision": "allow"}


async def main(url: str, stream: str, token: str, mode: str) -> None:
    transport = StreamableHttpTransport(url, headers={"Authorization": f"Bearer {token}"})
    async with Client(transport, mode=mode, elicitation_handler=allow) as client:

        async def call(tool: str, arguments: dict[str, object]) -> object:
            return (await client.call_tool(tool, arguments, raise_on_error=False)).structured_content

        seen = await whole_round(call, stream)
        seen["server"] = client.server_info.name
        seen["tools"] = [tool.name for tool in await client.list_tools()]
        print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
