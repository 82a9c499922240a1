"""What the log stores of an agent's requests, on the account of that agent: inputs in the audit, actions in approvals.

The hall appends these itself, so the event store does not meter them. They have a bucket of their own, of the same size
as what the agent appends (`append_bytes_per_day`): counting in the event store's would take a message for each verdict.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.event_store.messages import Refused

Spend = Callable[[str, int, float], Refused | None]
"""Counts so many bytes for an agent, at a time of Trio's clock; returns why there is no room for them."""


def unmetered(_agent: str, _size: int, _now: float) -> Refused | None:
    """Count nothing."""
    return None


def spent(spend: Spend, agent: str, role: str, now: float, size: int) -> str:
    """Count what is stored of a request; admins have no limit, as with what they append.

    Args:
        spend: Counts.
        agent: Who asks.
        role: In which role.
        now: The time, on Trio's clock.
        size: How many bytes.

    Returns:
        Why it is not to be stored; an empty text where it was counted.
    """
    refused = None if role == "admin" else spend(agent, size, now)
    return "" if refused is None else refused.message
