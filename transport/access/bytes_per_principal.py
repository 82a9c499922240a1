"""What all connections of one principal hold in memory together: many connections are no way around a bound.

Each kind of memory has a sum of its own, and its owner sets the bound: what waits to be written, what messages have
begun and not finished, the bodies of requests under way.

What comes in costs time by the piece, however small a piece is: a fragment of one byte took 11 us, a chunk of a body
18 us, and whoever sends it 0.04 us. So the pieces of a principal are counted too, and whoever sends too many is read
the more slowly.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakValueDictionary

from actors.session.messages import Principal
from actors.token_bucket import TokenBucket

PIECES_PER_S: Final = 10_000
"""How many pieces a second are read of a principal: an eighth of a processor, or 14 MB where each is a packet."""

PIECES_AT_ONCE: Final = 4096
"""How many are read at once: the largest message has 2,900 packets."""

MOST_OWED_S: Final = 10.0
"""How long a principal is not read at the most, in seconds: sixteen pieces on each of 4,096 connections then take less
than what is read of one."""

MOST_RECENT: Final = 10_000
"""Of how many principals sums are kept that nobody holds: to connect again is no way around what is owed."""


class HeldBytes:
    """The sum of one principal.

    Attributes:
        bytes: How many there are; those who hold them keep it.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._pieces = TokenBucket(PIECES_PER_S, PIECES_AT_ONCE, 0.0)

    def pay_for_pieces(self, pieces: int, now: float) -> float:
        """Count pieces that came in; return how long no more are to be read of this principal, in seconds.

        Args:
            pieces: How many.
            now: The time now, by `trio.current_time()`.
        """
        self._pieces.charge(pieces, now, MOST_OWED_S)
        return self._pieces.lacks_for_s(0, now)


class PrincipalBytes:
    """The sums of all principals; one lasts while somebody has it, and then a while. Nothing here checkpoints."""

    def __init__(self) -> None:
        self._recent: dict[Principal, HeldBytes] = {}
        self._held: WeakValueDictionary[Principal, HeldBytes] = WeakValueDictionary()

    def of(self, principal: Principal) -> HeldBytes:
        """Return a principal's sum, the same for all its connections."""
        held = self._held.get(principal)
        if held is None:
            held = self._held[principal] = HeldBytes()
        self._recent.pop(principal, None)
        self._recent[principal] = held
        if len(self._recent) > MOST_RECENT:
            del self._recent[next(iter(self._recent))]
        return held
