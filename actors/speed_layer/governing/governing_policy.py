"""The policy that governs: the compiled rules, and what was remembered on top of them. Pure.

A remembered decision answers an `ask` of the rules. It never answers a `deny`, and never overrules an `allow`.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

import msgspec

from actors.speed_layer.governing.remembered_decisions import Remembered, RememberedDecisions
from actors.speed_layer.policy.engine import Explanation, Judged, Policy, Request, Ruling
from actors.speed_layer.policy.judging.footprints import Footprint, files_in
from actors.speed_layer.policy.ruling import Files

NOTHING = RememberedDecisions()


class GoverningPolicy:
    """Rules and remembered decisions as one policy.

    Args:
        rules: The compiled rules.
        remembered: The decisions.
        withheld: Why nothing is allowed; empty where what the rules and decisions allow is.

    Attributes:
        rules: As given.
        remembered: As given, each for the audience that it has under these rules.
        withheld: As given.
        audiences: Which agents the rules tell apart.
        version: The rules' own where nothing is remembered or withheld.
    """

    def __init__(self, rules: Policy, remembered: RememberedDecisions = NOTHING, *, withheld: str = "") -> None:
        self.rules = rules
        self.audiences = rules.scopes.audiences
        self.remembered = remembered.under(self.audiences)
        self.withheld = withheld
        self._last: tuple[Request | None, Footprint | None] = (None, None)
        self.version = _version(rules.version, self.remembered, withheld)

    def remembering(self, decision: Remembered) -> GoverningPolicy:
        """Return the policy with one more decision."""
        return GoverningPolicy(self.rules, self.remembered.adding(decision), withheld=self.withheld)

    def forgetting(self, approval: str) -> GoverningPolicy:
        """Return the policy without the decision that was taken there."""
        return GoverningPolicy(self.rules, self.remembered.without(approval), withheld=self.withheld)

    def decide(self, request: Request) -> Ruling:
        """Return the ruling on a request."""
        judged = self.rules.judge(request)
        self._last = request, judged.footprint
        return self._final(request, judged)

    def footprint(self, request: Request) -> Footprint | None:
        """Return which files a request writes and runs; None where it does neither, or is denied.

        Of the request that was decided last this is known; another one is judged again.
        """
        last, footprint = self._last
        return footprint if last is request else self.rules.judge(request).footprint

    def files(self, request: Request) -> Files:
        """Return which files a request writes and runs."""
        return files_in(self.footprint(request))

    def explain(self, request: Request) -> Explanation:
        """Return the ruling on a request and what led to it."""
        explanation, judged = self.rules.explain_and_judge(request)
        return msgspec.structs.replace(explanation, ruling=self._final(request, judged))

    def _final(self, request: Request, judged: Judged) -> Ruling:
        ruling = judged.ruling
        if ruling.verdict == "ask" and self.remembered:
            ruling = self._answered(request, judged)
        if ruling.verdict == "allow" and self.withheld:
            return Ruling("ask", self.withheld, ruling.rule, False)
        return ruling

    def _answered(self, request: Request, judged: Judged) -> Ruling:
        ruling = judged.ruling
        found = self.remembered.on(request, partial(self.rules.plain_command, request, judged))
        if found is None:
            return ruling
        about = "" if found.pattern is None else f" about {found.pattern}"
        reason = f"{found.by} decided so for good{about}" + (f": {found.reason}" if found.reason else "")
        return Ruling(
            found.verdict, reason, f"remembered.{found.approval}", True, ruling.durable, (), ruling.writes, ruling.runs
        )


def _version(rules: str, remembered: RememberedDecisions, withheld: str) -> str:
    if not remembered and not withheld:
        return rules
    content: list[Any] = [rules, remembered.content()]
    if withheld:
        content.append(withheld)
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:12]
