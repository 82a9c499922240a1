"""`moothall connect`: the stdio bridge, for MCP clients that only start a command."""

from __future__ import annotations

import sys

import trio
from trio_websocket import ConnectionRejected, HandshakeError

from actors.kernel import cause
from transport.cli.failure import CommandFailed, Exit
from transport.cli.target import find_server
from transport.stdio import bridge


def connect(url: str | None = None, *, token: str | None = None) -> None:
    """Bridge stdio to a server's websocket.

    Args:
        url: The server's websocket URL; by default that of the server of this project.
        token: The agent's token; by default MOOTHALL_TOKEN, else the project's agent token.
    """
    target = find_server(url, token)
    try:
        trio.run(bridge, target.url, target.token, sys.stdin.buffer, sys.stdout.buffer)
    except* ConnectionRejected as group:
        raise CommandFailed(Exit.UNREACHABLE, target.refused(cause(group))) from None
    except* (HandshakeError, OSError, trio.TooSlowError) as group:
        raise CommandFailed(Exit.UNREACHABLE, target.unreachable(cause(group))) from None
