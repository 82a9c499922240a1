"""The answer of the policy engine."""

from __future__ import annotations

import msgspec

from actors.speed_layer.policy.rule_tables import Verdict


class Limit(msgspec.Struct, frozen=True, array_like=True):
    """How often a rule allows.

    Attributes:
        rule: The rule's id.
        count: How often one agent is allowed what it allows.
        per_s: Within how many seconds.
    """

    rule: str
    count: int
    per_s: float


class Ruling(msgspec.Struct, frozen=True):
    """The answer.

    Attributes:
        verdict: `allow`, `deny` or `ask`.
        reason: Why, for a reader.
        rule: The deciding rule's id, `None` where no rule decided.
        cacheable: Whether the same request may be answered by this ruling again under the same policy.
        durable: Whether it holds only once its audit event is stored.
        limits: How often the rules behind it allow.
    """

    verdict: Verdict
    reason: str
    rule: str | None
    cacheable: bool
    durable: bool = False
    limits: tuple[Limit, ...] = ()


class RuleTrace(msgspec.Struct, frozen=True):
    """A rule that was looked at, whether it holds, and why."""

    id: str
    matched: bool
    why: str
