"""What of a decision may hold from now on, and as what it is remembered. Pure."""

from __future__ import annotations

from actors.speed_layer.approvals.approval import Approval, ApprovalRefused
from actors.speed_layer.approvals.approval_events import Decided
from actors.speed_layer.governing.command_patterns import NotGeneral, Pattern, generalised
from actors.speed_layer.governing.governing_policy import GoverningPolicy
from actors.speed_layer.governing.remembered_decisions import Remembered
from actors.speed_layer.written.written_files import RULE


def check_memorable(approval: Approval) -> None:
    """See that a decision may hold from now on.

    Raises:
        ApprovalRefused: It may not.
    """
    action = approval.action
    if approval.requested.rule == RULE:
        why = "what a session wrote is asked about until it is approved, and again when it is written again"
        raise ApprovalRefused("invalid", f"{why}; decide it for this once")
    if None in (action.scripts or {}).values():
        raise ApprovalRefused("invalid", "it runs a file that could not be read; decide it for this once")
    if not (action.cwd or "").startswith("/"):
        raise ApprovalRefused("invalid", "it names no directory, so nothing is remembered; decide it for this once")


def pattern_of(approval: Approval, policy: GoverningPolicy) -> Pattern:
    """Return the commands that a decision would be for if it were remembered as a rule.

    Raises:
        ApprovalRefused: It cannot be.
    """
    try:
        return generalised(policy.rules, approval.action)
    except NotGeneral as error:
        raise ApprovalRefused("invalid", f"no rule can be made of this: {error}; remember it as `exact`") from None


def remembered(decided: Decided, approval: Approval, pattern: Pattern | None) -> Remembered:
    """Return a decision that holds from now on, for the commands of a pattern if there is one."""
    requested = approval.requested
    return Remembered(
        approval=decided.id,
        role=requested.role,
        request=requested.request,
        verdict=decided.decision,
        by=decided.by,
        reason=decided.reason,
        pattern=pattern,
        agent=requested.agent,
        labels=requested.labels,
    )
