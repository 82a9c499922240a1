"""What all connections of one principal hold in memory together: many connections are no way around a bound.

Each kind of memory has a sum of its own, and its owner sets the bound: what waits to be written, what messages have
begun and not finished, the bodies of requests under way.
"""

from __future__ import annotations

from weakref import WeakValueDictionary

from actors.session.messages import Principal


class HeldBytes:
    """The sum of one principal.

    Attributes:
        bytes: How many there are; those who hold them keep it.
    """

    def __init__(self) -> None:
        self.bytes = 0


class PrincipalBytes:
    """The sums of all principals; one lasts for as long as somebody has it. Nothing here checkpoints."""

    def __init__(self) -> None:
        self._held: WeakValueDictionary[Principal, HeldBytes] = WeakValueDictionary()

    def of(self, principal: Principal) -> HeldBytes:
        """Return a principal's sum, the same for all its connections."""
        held = self._held.get(principal)
        if held is None:
            held = self._held[principal] = HeldBytes()
        return held
