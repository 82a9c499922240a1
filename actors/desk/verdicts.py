"""Verdicts as the desk gives them: made of a ruling, or held back. Pure."""

from __future__ import annotations

import msgspec

from actors.speed_layer.call_and_verdict import Verdict
from actors.speed_layer.messages import ApprovalInfo
from actors.speed_layer.policy.canonical_request import hash_of
from actors.speed_layer.policy.engine import Ruling


def withheld(verdict: Verdict) -> Verdict:
    """Return `ask` in place of a rule's `allow`; what a person has decided is in the log already."""
    if verdict.verdict != "allow" or verdict.approval is not None:
        return verdict
    reason = "verdicts cannot be recorded now, so none allows; ask again soon, or an admin to look at `health`"
    return msgspec.structs.replace(verdict, verdict="ask", reason=reason)


def known_ruling(ruling: Ruling | None) -> Ruling:
    """Return a ruling that is there."""
    assert ruling is not None
    return ruling


def verdict_on(
    ruling: Ruling,
    approval: ApprovalInfo | None,
    policy: str,
    canonical_request: bytes,
    *,
    cached: bool,
    elapsed_us: int,
) -> Verdict:
    """Return the verdict that a ruling makes on a canonical request."""
    return Verdict(
        verdict=ruling.verdict,
        reason=ruling.reason,
        rule=ruling.rule,
        policy=policy,
        cached=cached,
        request=hash_of(canonical_request),
        elapsed_us=elapsed_us,
        approval=approval,
    )
