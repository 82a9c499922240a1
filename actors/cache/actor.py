"""The cache: the one writer of the published table of verdicts."""

from __future__ import annotations

from actors.cache.messages import Messages, Remember
from actors.cache.verdict_table import Verdicts
from actors.kernel import Actor, Reply

CAPACITY = 65_536
"""How many rulings are kept; at about 500 bytes each, some 32 MB when full."""


class Cache(Actor):
    """Keeps rulings; at capacity, the oldest goes first.

    Args:
        verdicts: The published table that this actor writes. It starts empty after a crash.
        capacity: How many rulings it holds.
    """

    accepts = Messages
    overflow = "drop_oldest"

    def __init__(self, verdicts: Verdicts, capacity: int = CAPACITY) -> None:
        self._table = verdicts.table
        self._table.clear()
        self._capacity = capacity

    async def handle(self, message: Remember, reply: Reply) -> None:
        """Keep one ruling."""
        table = self._table
        if message.key not in table and len(table) >= self._capacity:
            del table[next(iter(table))]
        table[message.key] = message.ruling
