"""A circuit breaker. Pure: the caller passes the time.

Closed, it lets everything through and counts failures in a row; any success ends the row, so traffic that is healthy
on the whole never opens it. Open, it lets nothing through until a pause is over; then one attempt at a time probes
(half-open): its success closes the breaker, its failure doubles the pause. (M. Nygard, Release It!, 2nd ed., ch. 5.)
"""

from __future__ import annotations

from typing import Final

FAILURES: Final = 5
"""How many failures in a row open a breaker: one may be chance, five are not."""

PAUSE_S: Final = 5.0
"""How long an open breaker lets nothing through at first, in seconds."""

MAX_PAUSE_S: Final = 300.0
"""The longest pause, in seconds: what is mended is noticed within five minutes."""


class Breaker:
    """One breaker. Nothing here checkpoints.

    Attributes:
        open: Whether it is open, or half-open.
        failures: How many failures there were in a row.
    """

    __slots__ = ("_pause_s", "_until", "failures", "open")

    def __init__(self) -> None:
        self.open = False
        self.failures = 0
        self._pause_s = PAUSE_S
        self._until = 0.0

    def admits(self, now: float) -> bool:
        """Say whether an attempt may be made; one that may while the breaker is open is the probe of this pause."""
        if not self.open:
            return True
        if now < self._until:
            return False
        self._until = now + self._pause_s
        return True

    def left_s(self, now: float) -> float:
        """Return how long nothing is let through, in seconds."""
        return max(0.0, self._until - now) if self.open else 0.0

    def failed(self, now: float) -> bool:
        """Note a failure; returns whether it opened the breaker."""
        self.failures += 1
        if self.open:
            self._pause_s = min(MAX_PAUSE_S, 2 * self._pause_s)
        elif self.failures < FAILURES:
            return False
        opened = not self.open
        self.open = True
        self._until = now + self._pause_s
        return opened

    def succeeded(self) -> bool:
        """Note a success; returns whether it closed the breaker."""
        closed, self.open = self.open, False
        self.failures = 0
        self._pause_s = PAUSE_S
        return closed
