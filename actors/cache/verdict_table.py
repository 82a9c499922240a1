"""The published table of verdicts: the cache writes it, any task reads it without a hop."""

from __future__ import annotations

from typing import Final

from actors.speed_layer.policy.engine import Ruling

MAX_KEY_BYTES: Final = 8192
"""The longest key that is kept, in bytes: a request of 8 KB is a file that is written, which is not asked about again.

With the cache's 65,536 rulings the table takes 512 MB at the very most, and some 30 MB of usual commands.
"""


class VerdictTable:
    """The cache's table: rulings by key. Written by the cache actor alone.

    The key covers everything a cached ruling depends on: policy version, audience, tool, working directory, canonical
    input. A new policy version therefore empties nothing; it changes the key.

    Attributes:
        hits: Look-ups that found a ruling.
        misses: Look-ups that did not.
        table: The rulings.
    """

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self.table: dict[bytes, Ruling] = {}

    @staticmethod
    def key(policy: str, audience: str, canonical_request: bytes) -> bytes:
        """Return the key of a canonical request (tool, input, cwd) of an audience under a policy version."""
        return b"\x00".join((policy.encode(), audience.encode(), canonical_request))

    def keep(self, key: bytes, ruling: Ruling, capacity: int) -> None:
        """Keep a ruling, in the place of the oldest where there are `capacity` already. For the cache actor alone.

        That of a request with a longer key is not kept: the table's memory is bounded by both.
        """
        table = self.table
        if len(key) > MAX_KEY_BYTES:
            return
        if key not in table and len(table) >= capacity:
            del table[next(iter(table))]
        table[key] = ruling

    def get(self, key: bytes) -> Ruling | None:
        """Return the cached ruling, or None; counts hits and misses."""
        ruling = self.table.get(key)
        if ruling is None:
            self.misses += 1
        else:
            self.hits += 1
        return ruling
