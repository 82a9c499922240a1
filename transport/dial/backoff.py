"""How long to wait between attempts to connect.

The pause is drawn at random between nothing and a limit that doubles (full jitter, as in "Exponential Backoff And
Jitter", AWS Architecture Blog, 2015), so that the clients of a hall that restarts do not all come back at once.
"""

from __future__ import annotations

import random
from typing import Final

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
HEALTHY_S: Final = 10.0
"""How long a connection must have lasted for the pauses to begin anew, in seconds."""


class Backoff:
    """Says how long to wait before the next attempt. Nothing here checkpoints."""

    def __init__(self) -> None:
        self._failures = 0

    def pause_s(self) -> float:
        """Return how long to wait now, in seconds; more from time to time."""
        longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        return random.uniform(0.0, longest)  # noqa: S311 - jitter, not a secret

    def reset(self) -> None:
        """Begin anew: a connection was healthy."""
        self._failures = 0
