"""How many bytes each agent may append: a bucket of a day's bytes for each, which fills up again over a day. Pure.

What was appended before the server started is not counted: nobody whom the quota is for can restart it.
"""

from __future__ import annotations

from typing import Final

from actors.event_store.messages import Refused
from actors.token_bucket import TokenBucket
from store.care.disk_space import DAY_S

BYTES_PER_DAY: Final = 8 << 30
"""How many bytes an agent may append in a day unless configured otherwise: 95 KB a second, all day long."""

MAX_BUCKETS: Final = 10_000
"""How many agents are kept; then those whose bucket is full again are forgotten."""


class AppendQuota:
    """The quotas of all agents.

    Args:
        bytes_per_day: How much each may append.
    """

    def __init__(self, bytes_per_day: int = BYTES_PER_DAY) -> None:
        self._bytes_per_day = bytes_per_day
        self._buckets: dict[str, TokenBucket] = {}

    def spend(self, agent: str, size: int, now: float) -> Refused | None:
        """Count an append, unless it is too much for its agent.

        Args:
            agent: Who appends.
            size: How many bytes.
            now: The time now, in seconds of the clock that is used throughout.

        Returns:
            Why it is refused; None where it was counted.
        """
        bucket = self._buckets.get(agent)
        if bucket is None:
            bucket = self._new_bucket(agent, now)
        wait_s = bucket.take(size, now)
        if wait_s is None:
            return None
        message = (
            f"agent {agent!r} has appended as much as it may, {self._bytes_per_day} bytes a day; these {size} fit in "
            f"{wait_s:.0f} s: append less, or let the server be started with another `append_bytes_per_day`"
        )
        return Refused("rate_limited", message, {"retry_after_s": wait_s})

    def _new_bucket(self, agent: str, now: float) -> TokenBucket:
        if len(self._buckets) >= MAX_BUCKETS:
            self._buckets = {name: each for name, each in self._buckets.items() if each.full_in_s(now) > 0.0}
        bucket = self._buckets[agent] = TokenBucket(self._bytes_per_day / DAY_S, self._bytes_per_day, now)
        return bucket
