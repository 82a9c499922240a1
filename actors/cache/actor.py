"""The cache: the one writer of the published table of verdicts."""

from __future__ import annotations

from actors.cache.messages import KeepRuling, Messages
from actors.cache.verdict_table import VerdictTable
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

    def __init__(self, verdicts: VerdictTable, capacity: int = CAPACITY) -> None:
        self._verdicts = verdicts
        self._verdicts.table.clear()
        self._capacity = capacity

    async def handle(self, message: KeepRuling, reply: Reply) -> None:
        """Keep one ruling."""
        self._verdicts.keep(message.key, message.ruling, self._capacity)
