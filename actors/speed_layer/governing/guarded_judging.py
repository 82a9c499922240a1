"""Judges by a policy, but with care: for agents whose requests make the engine fail, and as often as rules allow.

What fails here is `ask`, never `allow`; such an `ask` opens no approval, since it says nothing about the request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from actors.speed_layer.governing.breaker import Breaker
from actors.speed_layer.governing.governing_policy import GoverningPolicy
from actors.speed_layer.governing.quotas import Quotas
from actors.speed_layer.policy.engine import FAULT, Request, Ruling

BUDGET_S: Final = 0.25
"""How long judging one request may take, in seconds.

The steps of one request take 5 ms, those of a usual one 50 us: more than this is a fault.
"""

GuardedRuling = tuple[Ruling, bool]
"""A ruling, and whether it speaks of the request, so that a person may decide what it leaves open."""


class Guard:
    """Judges. Nothing here checkpoints.

    Args:
        quotas: Counts what rules allow.
        opened: Told of a breaker that has opened: its name and why.
        closed: Told of one that has closed.
    """

    def __init__(self, quotas: Quotas, opened: Callable[[str, str], None], closed: Callable[[str], None]) -> None:
        self._quotas = quotas
        self._opened = opened
        self._closed = closed
        self._breakers: dict[str, Breaker] = {}

    def trusts(self, agent: str) -> bool:
        """Say whether no breaker has anything against an agent."""
        return agent not in self._breakers

    def decide(self, policy: GoverningPolicy, request: Request, agent: str) -> GuardedRuling:
        """Return the ruling on an agent's request."""
        began = trio.current_time()
        breaker = self._breakers.get(agent) if self._breakers else None
        if breaker is not None and not breaker.admits(began):
            return _paused(agent, breaker, began), False
        ruling = policy.decide(request)
        now = trio.current_time()
        if ruling.rule is None and ruling.reason.startswith(FAULT):
            self._failed(agent, ruling.reason, now)
        elif now - began > BUDGET_S:
            self.took_too_long(agent, now - began, now)
        elif breaker is not None:
            self._succeeded(agent, breaker)
        return self._limited(ruling, agent, now) if ruling.limits else (ruling, True)

    def took_too_long(self, agent: str, took_s: float, now: float) -> None:
        """Count against an agent that judging one of its requests took longer than `BUDGET_S`."""
        self._failed(agent, f"judging one took {took_s:.2f} s", now)

    def _limited(self, ruling: Ruling, agent: str, now: float) -> GuardedRuling:
        exceeded = self._quotas.exceeded(ruling.limits, agent, now)
        if exceeded is None:
            return ruling, True
        limit, wait_s = exceeded
        why = f"rule {limit.rule!r} allows this {limit.count} times in {limit.per_s:.0f} s; again in {wait_s:.1f} s"
        return Ruling("ask", why, limit.rule, False), False

    def _failed(self, agent: str, why: str, now: float) -> None:
        breaker = self._breakers.setdefault(agent, Breaker())
        if breaker.failed(now):
            self._opened(_name(agent), f"{breaker.failures} requests of {agent!r} in a row could not be judged: {why}")

    def _succeeded(self, agent: str, breaker: Breaker) -> None:
        del self._breakers[agent]
        if breaker.succeeded():
            self._closed(_name(agent))


def _name(agent: str) -> str:
    return f"judging/{agent}"


def _paused(agent: str, breaker: Breaker, now: float) -> Ruling:
    why = f"judging for {agent!r} pauses, since {breaker.failures} requests in a row failed"
    return Ruling("ask", f"{why}; ask again in {breaker.left_s(now):.1f} s", None, False)
