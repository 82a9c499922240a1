"""A token bucket. Pure: the caller passes the time."""

from __future__ import annotations

from collections.abc import Callable


def _nothing() -> int:
    return 0


class TokenBucket:
    """Holds up to `burst` tokens and refills at `rate` a second.

    Args:
        rate: Tokens a second; None means without limit.
        burst: The most it holds.
        now: The time now, in seconds of any clock that is used throughout.
        held: Says how many tokens were taken and not spent yet; they count as if they were still in the bucket.
        tokens: What it holds at first; full unless given.
    """

    def __init__(
        self,
        rate: float | None,
        burst: int,
        now: float,
        held: Callable[[], int] = _nothing,
        tokens: float | None = None,
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst) if tokens is None else tokens
        self._at = now
        self._held = held

    def take(self, cost: int, now: float) -> float | None:
        """Take tokens if there are enough. More than the burst can never be there: a full bucket is enough then.

        Returns:
            None if they were taken; else in how many seconds there will be enough.
        """
        wait_s = self.lacks_for_s(cost, now)
        if wait_s > 0.0:
            return wait_s
        if self._rate is not None:
            self._tokens -= min(float(cost), self._burst - self._held())
        return None

    def charge(self, cost: int, now: float, most_s: float) -> None:
        """Take tokens whether they are there or not: what is missing is owed, but no more than comes in `most_s`."""
        if self._rate is not None:
            self._refill(now, self._rate)
            self._tokens = max(self._tokens - cost, min(self._tokens, -self._rate * most_s))

    def lacks_for_s(self, cost: int, now: float) -> float:
        """Return in how many seconds `take` would succeed; 0 where it would now."""
        if self._rate is None:
            return 0.0
        needed = min(float(cost), self._refill(now, self._rate))
        return max(0.0, needed - self._tokens) / self._rate

    def take_up_to(self, count: int, now: float) -> int:
        """Take as many whole tokens as there are, at most `count`; returns how many."""
        if self._rate is None:
            return count
        self._refill(now, self._rate)
        taken = max(0, min(count, int(self._tokens)))
        self._tokens -= taken
        return taken

    def full_in_s(self, now: float) -> float:
        """Return in how many seconds the bucket will be full, so that a fresh one would hold no more."""
        if self._rate is None:
            return 0.0
        return (self._refill(now, self._rate) - self._tokens) / self._rate

    def _refill(self, now: float, rate: float) -> float:
        """Add what time has brought; returns how many tokens the bucket can hold now."""
        room = self._burst - self._held()
        self._tokens = min(room, self._tokens + (now - self._at) * rate)
        self._at = now
        return room
