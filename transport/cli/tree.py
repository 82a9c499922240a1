"""`moothall tree`: what runs in a server, and how it fares."""

from __future__ import annotations

from pathlib import Path

import msgspec
import trio

from actors.kernel import first
from transport.cli.failure import CommandFailed, Exit
from transport.cli.target import find_server
from transport.client import HallError, connect
from transport.schemas import TreeResult


def tree(*, url: str | None = None, token_file: Path | None = None, json: bool = False) -> None:
    """Print the tree of supervisors and actors of a running server.

    Args:
        url: The server's websocket URL; by default that of this project's server.
        token_file: A file that holds the token to show.
        json: Print the tree as one JSON object.
    """
    target = find_server(url, None, token_file)

    async def ask() -> TreeResult:
        async with connect(target.url, token=target.token) as hall:
            return await hall.tree()

    try:
        result = trio.run(ask)
    except* HallError as group:
        raise CommandFailed(Exit.UNREACHABLE, str(first(group, HallError))) from None
    print(msgspec.json.encode(result.root).decode() if json else result.text)
