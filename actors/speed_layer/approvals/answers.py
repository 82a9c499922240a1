"""What agents are told while an approval is pending and once it has ended, and what of it may be remembered. Pure."""

from __future__ import annotations

import msgspec

from actors.speed_layer.approvals.approval_events import Decided
from actors.speed_layer.approvals.approval_states import Approval, ApprovalRefused, OwedAnswer
from actors.speed_layer.governing.command_patterns import Pattern
from actors.speed_layer.governing.governing_policy import GoverningPolicy
from actors.speed_layer.governing.remembered_decisions import Remembered
from actors.speed_layer.messages import Answer, ApprovalInfo, ApprovalState
from actors.speed_layer.policy.engine import Request, Ruling
from actors.speed_layer.written.written_files import RULE


def leaves_open(now: Ruling, approval: Approval) -> bool:
    """Return whether what the policy says now leaves a question to a person; it knows nothing of what was written."""
    return now.verdict == "ask" or (now.verdict == "allow" and approval.requested.rule == RULE)


def said_by(person: Ruling, now: Ruling, approval: Approval) -> Ruling:
    """Return what a person has said, or what the policy says that came meanwhile."""
    if not leaves_open(now, approval):
        return now
    return msgspec.structs.replace(person, writes=now.writes, runs=now.runs)


def with_files(answer: Answer, policy: GoverningPolicy, request: Request) -> Answer:
    """Return an answer together with the files of the request, if it touches any and may come to be done.

    What is pending may be, where a hook asks: the person at its client is asked too.
    """
    ruling, approval = answer.ruling, answer.approval
    by_person = approval is not None and (approval.state == "decided" or request.session is not None)
    if ruling.verdict == "deny" or not (ruling.writes or ruling.runs or by_person):
        return answer
    return msgspec.structs.replace(answer, files=policy.files(request))


def check_memorable(approval: Approval) -> None:
    """Make sure that a decision may be remembered.

    Raises:
        ApprovalRefused: It may not; the text says why.
    """
    action = approval.action
    if approval.requested.rule == RULE:
        why = "what a session wrote is asked about until it is approved, and again when it is written again"
        raise ApprovalRefused("invalid", f"{why}; decide it for this once")
    if None in (action.scripts or {}).values():
        raise ApprovalRefused("invalid", "it runs a file that could not be read; decide it for this once")
    if not (action.cwd or "").startswith("/"):
        raise ApprovalRefused("invalid", "it names no directory, so nothing is remembered; decide it for this once")


def remembered(decided: Decided, approval: Approval, pattern: Pattern | None) -> Remembered:
    """Return a decision as it holds from now on."""
    requested = approval.requested
    return Remembered(
        approval=decided.id,
        role=requested.role,
        request=requested.request,
        verdict=decided.decision,
        by=decided.by,
        reason=decided.reason,
        pattern=pattern,
    )


def is_outdated(owed: OwedAnswer, now: Ruling) -> bool:
    """Return whether a file was written again since a person has approved to run it: the reason names the request."""
    return now.rule == RULE and owed.requested.reason != now.reason


def answer_owed(owed: OwedAnswer) -> Answer:
    """Return what is owed to an agent."""
    return Answer(owed.ruling, ApprovalInfo(owed.requested.id, "decided", owed.requested.expires_ns))


def info(approval: Approval, state: ApprovalState) -> ApprovalInfo:
    """Return how an approval stands, as agents are told."""
    return ApprovalInfo(approval.requested.id, state, approval.requested.expires_ns)
