"""`moothall tree`: what runs in a server, and how it fares."""

from __future__ import annotations

from pathlib import Path

import msgspec

from transport.cli.log_source import Online
from transport.cli.visible import visible


def tree(*, url: str | None = None, token_file: Path | None = None, json: bool = False) -> None:
    """Print the tree of supervisors and actors of a running server.

    Args:
        url: The server's websocket URL; by default that of this project's server.
        token_file: A file that holds the token to show.
        json: Print the tree as one JSON object.
    """
    result = Online(url, token_file).run(lambda hall: hall.tree())
    print(msgspec.json.encode(result["root"]).decode() if json else "\n".join(map(visible, result["text"].split("\n"))))
