"""`moothall tree`: what runs in a server, and how it fares."""

from __future__ import annotations

from transport.cli.log_source import Online
from transport.cli.which_hall import THIS, WhichHall
from transport.visible import visible, visible_json


def tree(*, hall: WhichHall = THIS, json: bool = False) -> None:
    """Print the tree of supervisors and actors of a running server.

    Args:
        hall: Which hall is meant.
        json: Print the tree as one JSON object.
    """
    result = Online(hall.given()).run(lambda hall: hall.tree())
    if json:
        print(visible_json(result["root"]))
        return
    for line in result["text"].split("\n"):
        print(visible(line, blanks=True))
