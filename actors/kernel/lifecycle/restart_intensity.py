"""How often and how fast a supervisor restarts: OTP's restart intensity, with exponential backoff and jitter.

The intensity is that of `supervisor.erl`: more than `restarts` within `period_s` seconds and the supervisor gives up.
OTP restarts at once; the backoff in between keeps a child whose fault is outside (a port in use, a full disk) from
burning its intensity in a millisecond.

OTP allows 1 restart in 5 s unless told otherwise; here it is 5 in 10 s. The delays before the five add up to 0.3 s at
most, so a child that crashes at each start still ends its supervisor at once, and one that crashes at times does not.
"""

from __future__ import annotations

import random
from collections import deque

import msgspec


class Intensity(msgspec.Struct, frozen=True):
    """The limits of one supervisor.

    Attributes:
        restarts: How many restarts a period may see; one more and the supervisor gives up.
        period_s: The period, in seconds.
        backoff_s: The delay before the first restart, in seconds; doubled for each crash in a row.
        backoff_max_s: The longest delay, in seconds.
        healthy_s: A child that ran this long, in seconds, begins again with the first delay.
    """

    restarts: int = 5
    period_s: float = 10.0
    backoff_s: float = 0.01
    backoff_max_s: float = 2.0
    healthy_s: float = 10.0


class RestartHistory:
    """What a supervisor remembers of its restarts. Pure: the caller passes the time."""

    def __init__(self, intensity: Intensity, rng: random.Random) -> None:
        self._intensity = intensity
        self._rng = rng
        self._restarts: deque[float] = deque()
        self._in_a_row: dict[str, int] = {}

    def allows(self, now: float) -> bool:
        """Record a restart at `now`; False where it is one too many."""
        while self._restarts and self._restarts[0] <= now - self._intensity.period_s:
            self._restarts.popleft()
        self._restarts.append(now)
        return len(self._restarts) <= self._intensity.restarts

    def delay_s(self, name: str, lived_s: float) -> float:
        """Return how long to wait before `name` is restarted, after a life of `lived_s` seconds.

        Full jitter over the upper half: between half the delay and the delay, so that siblings do not restart in step.
        """
        if lived_s >= self._intensity.healthy_s:
            self._in_a_row[name] = 0
        crashes = self._in_a_row[name] = self._in_a_row.get(name, 0) + 1
        # 30 doublings are past any ceiling, and the power of a longer row of crashes would overflow.
        ceiling = min(self._intensity.backoff_max_s, self._intensity.backoff_s * 2.0 ** min(crashes - 1, 30))
        return ceiling * self._rng.uniform(0.5, 1.0)
