"""A token bucket. Pure: the caller passes the time."""

from __future__ import annotations


class TokenBucket:
    """Holds up to `burst` tokens and refills at `rate` a second.

    Args:
        rate: Tokens a second; None means without limit.
        burst: The most it holds; it starts full.
        now: The time now, in seconds of any clock that is used throughout.
    """

    def __init__(self, rate: float | None, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = now

    def take(self, cost: int, now: float) -> float | None:
        """Take tokens if there are enough. More than the burst can never be there: a full bucket is enough then.

        Returns:
            None if they were taken; else in how many seconds there will be enough.
        """
        if self._rate is None:
            return None
        self._refill(now, self._rate)
        needed = min(float(cost), self._burst)
        if self._tokens >= needed:
            self._tokens -= needed
            return None
        return (needed - self._tokens) / self._rate

    def full_in_s(self, now: float) -> float:
        """Return in how many seconds the bucket will be full, so that a fresh one would hold no more."""
        if self._rate is None:
            return 0.0
        self._refill(now, self._rate)
        return (self._burst - self._tokens) / self._rate

    def _refill(self, now: float, rate: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * rate)
        self._at = now
