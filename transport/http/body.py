"""The body of one request, and the bound on what all bodies of a principal hold together."""

from __future__ import annotations

from transport.access.bytes_per_principal import HeldBytes


class Body:
    """One body, which grows as it arrives. Whoever makes it releases it in the end. Nothing here checkpoints.

    Args:
        most: How many bytes a principal may have under way; a single body may have more.

    Attributes:
        held: The bytes of its principal's bodies, this one's among them. Set before it grows.
        data: What has arrived.
        pieces: In how many pieces.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = HeldBytes()
        self.data = bytearray()
        self.pieces = 0

    def grow(self, data: bytes) -> bool:
        """Append what has arrived; False, and nothing is appended, where its principal has too much under way."""
        self.pieces += 1
        by_others = self.held.bytes - len(self.data)
        if by_others and self.held.bytes + len(data) > self._most:
            return False
        self.data += data
        self.held.bytes += len(data)
        return True

    def release(self) -> None:
        """Give back what it took of its principal's bytes; the second time there is nothing to give."""
        self.held.bytes -= len(self.data)
        self.data = bytearray()
