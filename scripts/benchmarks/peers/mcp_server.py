"""What MCP costs without a hall: servers with one tool each name, which answer a verdict that is ready.

Usage: python -m benchmarks.peers.mcp_server sdk|fastmcp

serves streamable HTTP under uvicorn on a free port and prints its URL. Answers are plain JSON, quicker than event
streams. FastMCP and uvicorn are imported by the process that needs them alone.
"""

from __future__ import annotations

import asyncio
import importlib
import socket
import sys
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server

from transport.version import VERSION

_VERDICT: dict[str, Any] = {
    "verdict": "allow", "reason": "reads the state of the working tree", "rule": "git.read", "policy": "0123456789ab",
    "cached": True, "request": "0" * 32, "elapsed_us": 12, "approval": None,
}  # fmt: skip
_TEXT = '{"verdict":"allow","reason":"reads the state of the working tree","rule":"git.read","policy":"0123456789ab"}'
_BACKLOG = 2048
"""As uvicorn has it by default: more than the thousand connections that come at once."""


def sdk_server() -> Server[Any]:
    """Return the SDK's low-level server, whose tools of any name answer the verdict."""

    async def call_tool(_context: Any, _params: types.CallToolRequestParams) -> types.CallToolResult:
        content = types.TextContent(type="text", text=_TEXT)
        return types.CallToolResult(content=[content], structured_content=_VERDICT)

    async def list_tools(_context: Any, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[types.Tool(name=name, input_schema={"type": "object"}) for name in ("validate", "health")]
        )

    return Server[Any]("bare", version=VERSION, on_call_tool=call_tool, on_list_tools=list_tools)


def _sdk_app() -> Any:
    return sdk_server().streamable_http_app(json_response=True, max_sessions=None)


def _fastmcp_app() -> Any:
    server = importlib.import_module("fastmcp").FastMCP("bare")

    async def validate(tool: str, input: dict[str, Any], cwd: str) -> dict[str, Any]:  # noqa: A002, ARG001 - the hall's
        return _VERDICT

    async def health() -> dict[str, Any]:
        return _VERDICT

    server.tool(validate)
    server.tool(health)
    return server.http_app(json_response=True)


def main(kind: str) -> None:
    """Serve until the process ends."""
    app = {"sdk": _sdk_app, "fastmcp": _fastmcp_app}[kind]()
    uvicorn = importlib.import_module("uvicorn")
    # asyncio sets TCP_NODELAY only where the protocol is named; without it each answer waits 40 ms for an ACK.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(_BACKLOG)
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, log_level="warning", backlog=_BACKLOG)
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main(sys.argv[1])
