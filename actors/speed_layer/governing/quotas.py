"""How often rules with `at_most` have allowed, for each agent. Pure: the caller passes the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.speed_layer.policy.ruling import Limit
from actors.token_bucket import TokenBucket

MAX_BUCKETS: Final = 10_000
"""How many pairs of rule and agent are kept; then those whose bucket is full again are forgotten."""


class Quotas:
    """A token bucket for each limit and agent.

    What was allowed before this began is not known, so every bucket fills up from nothing since then: a restart never
    allows more than a run without one.

    Args:
        began: Since when allows are counted, in seconds of the clock that is used throughout.
    """

    def __init__(self, began: float) -> None:
        self._began = began
        self._buckets: dict[tuple[Limit, str], TokenBucket] = {}

    def exceeded(self, limits: Sequence[Limit], agent: str, now: float) -> tuple[Limit, float] | None:
        """Count an allow, unless a limit is used up.

        Returns:
            The limit and in how many seconds it allows again; None where the allow was counted.
        """
        if self._lacks_room(limits):
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if bucket.full_in_s(now) > 0.0}
            if self._lacks_room(limits):
                return limits[0], limits[0].per_s
        buckets = [self._bucket(limit, agent) for limit in limits]
        for limit, bucket in zip(limits, buckets, strict=True):
            wait_s = bucket.lacks_for_s(1, now)
            if wait_s > 0.0:
                return limit, wait_s
        for bucket in buckets:
            bucket.take(1, now)
        return None

    def _lacks_room(self, limits: Sequence[Limit]) -> bool:
        return len(self._buckets) + len(limits) > MAX_BUCKETS

    def _bucket(self, limit: Limit, agent: str) -> TokenBucket:
        if (limit, agent) not in self._buckets:
            rate = limit.count / limit.per_s
            self._buckets[limit, agent] = TokenBucket(rate, limit.count, self._began, tokens=0.0)
        return self._buckets[limit, agent]
