"""What no session admits: health, pings, lists and the like, which cost little and therefore have a limit of their own.

Each connection has one, so that a flood on one keeps nobody from asking on another, and being refused here keeps nobody
from what the session admits.
"""

from __future__ import annotations

from typing import Any, Final

import trio

from actors.session.messages import Role
from actors.session.role_rules import LIMITS
from actors.token_bucket import TokenBucket

HEALTH: Final = "health"
CALL: Final = "tools/call"


class SessionlessLimit:
    """The limit of one connection. Nothing here checkpoints.

    Args:
        role: Who is on the other side; a role without a rate limit has none here.
        per_s: How many such requests it may make a second.
        burst: How many at once.
    """

    def __init__(self, role: Role, per_s: float, burst: int) -> None:
        rate = None if LIMITS[role].requests_per_s is None else per_s
        self._bucket = TokenBucket(rate, burst, trio.current_time())

    def wait_s(self, method: str, called: dict[str, Any]) -> float | None:
        """Count a request; returns in how many seconds it may come again if that was too many.

        Args:
            method: The request's method.
            called: Its params, if a tool is called.
        """
        if method == CALL and called.get("name") != HEALTH:
            return None
        return self._bucket.take(1, trio.current_time())
