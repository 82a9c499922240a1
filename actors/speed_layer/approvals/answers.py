"""What agents are told while an approval is pending and once it has ended. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from actors.speed_layer.approvals.approval import Approval, OwedAnswer
from actors.speed_layer.approvals.approval_events import Requested
from actors.speed_layer.governing.governing_policy import GoverningPolicy
from actors.speed_layer.messages import Answer, ApprovalInfo, ApprovalState, Decision
from actors.speed_layer.policy.engine import Request, Ruling
from actors.speed_layer.written.written_files import RULE

_PAST: Final[dict[Decision, str]] = {"allow": "allowed", "deny": "denied"}
TOLD_APART: Final = Answer(
    Ruling("ask", "the policy that governs now tells apart those who asked for this; ask again", None, False)
)
"""For those who waited together: whoever waits on is judged anew, and gets an approval with their own kind."""


def ruling_of(decision: Decision, by: str, reason: str = "") -> Ruling:
    """Return a person's decision as a ruling, for this once."""
    said = f"{_PAST[decision]} by {by}" + (f": {reason}" if reason else "")
    return Ruling(decision, said, None, False)


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


def is_outdated(owed: OwedAnswer, now: Ruling) -> bool:
    """Return whether a file was written again since a person has approved to run it: the reason names the request."""
    return now.rule == RULE and owed.requested.reason != now.reason


def answer_owed(owed: OwedAnswer) -> Answer:
    """Return what is owed to an agent."""
    return Answer(owed.ruling, info(owed.requested, "decided"))


def info(requested: Requested, state: ApprovalState) -> ApprovalInfo:
    """Return how an approval stands, as agents are told."""
    return ApprovalInfo(requested.id, state, requested.expires_ns)
