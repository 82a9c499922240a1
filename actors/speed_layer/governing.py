"""The policy that governs: the compiled rules, and what was remembered on top of them. Pure.

A remembered decision answers an `ask` of the rules for exactly one action of one role. It never answers a `deny`, and
never overrules an `allow`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from actors.speed_layer.canonical import request_hash
from actors.speed_layer.policy import Explanation, Policy, Request, Ruling

POLICY_STREAM: Final = "moothall/policy"
POLICY_ACTIVATED: Final = "moothall.policy.activated"
REMEMBERED: Final = "moothall.policy.remembered"


class Remembered(msgspec.Struct, frozen=True):
    """A decision that holds from now on.

    Attributes:
        approval: Where it was taken.
        role: The role that it is for.
        request: The hash of the canonical action.
        verdict: `allow` or `deny`.
        by: Who decided.
        reason: Why.
    """

    approval: str
    role: str
    request: str
    verdict: Literal["allow", "deny"]
    by: str
    reason: str


class Governing:
    """Rules and remembered decisions as one policy.

    Args:
        rules: The compiled rules.
        remembered: Decisions by role and hash of the action.
        withheld: Why nothing is allowed; empty where what the rules and decisions allow is.

    Attributes:
        rules: As given.
        remembered: As given.
        withheld: As given.
        version: The rules' own where nothing is remembered.
    """

    def __init__(self, rules: Policy, remembered: Mapping[tuple[str, str], Remembered], *, withheld: str = "") -> None:
        self.rules = rules
        self.remembered = dict(remembered)
        self.withheld = withheld
        self.version = _version(rules.version, self.remembered, withheld)

    def remembering(self, decision: Remembered) -> Governing:
        """Return the policy with one more decision."""
        remembered = {**self.remembered, (decision.role, decision.request): decision}
        return Governing(self.rules, remembered, withheld=self.withheld)

    def decide(self, request: Request) -> Ruling:
        """Return the ruling on a request."""
        return self._final(request, self.rules.decide(request))

    def explain(self, request: Request) -> Explanation:
        """Return the ruling on a request and what led to it."""
        explanation = self.rules.explain(request)
        return msgspec.structs.replace(explanation, ruling=self._final(request, explanation.ruling))

    def _final(self, request: Request, ruling: Ruling) -> Ruling:
        if ruling.verdict == "ask" and self.remembered:
            ruling = self._answered(request, ruling)
        if ruling.verdict == "allow" and self.withheld:
            return Ruling("ask", self.withheld, ruling.rule, False)
        return ruling

    def _answered(self, request: Request, ruling: Ruling) -> Ruling:
        found = self.remembered.get((request.role, request_hash(request.tool, request.input, request.cwd)))
        if found is None:
            return ruling
        reason = f"{found.by} decided so for good" + (f": {found.reason}" if found.reason else "")
        return Ruling(found.verdict, reason, f"remembered.{found.approval}", True, ruling.durable)


def _version(rules: str, remembered: Mapping[tuple[str, str], Remembered], withheld: str) -> str:
    if not remembered and not withheld:
        return rules
    content = [rules, sorted((*key, decision.verdict) for key, decision in remembered.items())]
    if withheld:
        content.append(withheld)
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:12]
