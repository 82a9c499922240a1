"""The bytes of request bodies under way, which are bounded for each principal over all its connections."""

from __future__ import annotations

from collections import Counter

from actors.session.messages import Principal


class Bodies:
    """The bodies under way at one listener. Nothing here checkpoints.

    Args:
        most: How many bytes a principal may have; a single body may have more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[Principal | None] = Counter()

    def body(self) -> Body:
        """Return one that is empty yet; whoever asks for it lets it go in the end."""
        return Body(self._held, self._most)


class Body:
    """One body, which grows as it arrives. Nothing here checkpoints.

    Attributes:
        principal: Whose it is; None where nobody has to say so. Set before it grows.
        data: What has arrived.
    """

    def __init__(self, held: Counter[Principal | None], most: int) -> None:
        self._held = held
        self._most = most
        self.principal: Principal | None = None
        self.data = bytearray()

    def grow(self, data: bytes) -> bool:
        """Append what has arrived; False, and nothing is appended, where its principal has too much under way."""
        others = self._held[self.principal] - len(self.data)
        if others and others + len(self.data) + len(data) > self._most:
            return False
        self.data += data
        self._held[self.principal] += len(data)
        return True

    def let_go(self) -> None:
        """Give back what it took of its principal's bytes; the second time there is nothing to give."""
        self._held[self.principal] -= len(self.data)
        if not self._held[self.principal]:
            del self._held[self.principal]
        self.data = bytearray()
