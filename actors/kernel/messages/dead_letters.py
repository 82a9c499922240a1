"""Dead letters: what could not be delivered, counted by name and reported at a limited rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import trio

TELL_EVERY_S = 1.0
"""How often one name's dead letters are told about at most, in seconds.

An actor that restarts under load gets thousands of messages in a second: each would be a line in the log.
"""

OnDeadLetters = Callable[[str, int, str], None]
"""Told of dead letters: the name, how many since the last time, and why the newest one died."""


class DeadLetters(Counter[str]):
    """How many messages died on their way to each name.

    Attributes:
        tell: Told of them, at most once a second for each name; for logging.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tell: OnDeadLetters | None = None
        self._told_at: dict[str, float] = {}
        self._told: Counter[str] = Counter()

    def add(self, name: str, why: str, count: int = 1) -> None:
        """Count messages that died. Does not checkpoint."""
        self[name] += count
        if self.tell is None:
            return
        now = trio.current_time()
        if now - self._told_at.get(name, float("-inf")) >= TELL_EVERY_S:
            self._told_at[name] = now
            self.tell(name, self[name] - self._told[name], why)
            self._told[name] = self[name]
