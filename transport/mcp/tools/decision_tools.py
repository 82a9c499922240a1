"""The tools with which experts and admins decide what waits for them, and admins let a policy govern."""

from __future__ import annotations

from typing import Final

from actors.desk.gate import Gate
from actors.speed_layer.messages import PendingApproval
from store.model.times import to_rfc3339
from transport.mcp.request_context import RequestContext
from transport.mcp.tools.decision_schemas import (
    ActivateArguments,
    ActivateResult,
    DecideArguments,
    ForgetArguments,
    PendingApprovalResult,
    PendingApprovalsResult,
    PendingArguments,
    ProposeArguments,
    ProposeResult,
)
from transport.mcp.tools.gate_schemas import VerdictResult
from transport.mcp.tools.gate_tools import verdict_result
from transport.mcp.tools.tool import Tool


async def _pending_approvals(
    gate: Gate, context: RequestContext, arguments: PendingArguments
) -> PendingApprovalsResult:
    if arguments.id is not None:
        return PendingApprovalsResult([_pending(await gate.pending_approval(context.caller, arguments.id))])
    page = await gate.pending_approvals(context.caller, arguments.after, arguments.limit)
    return PendingApprovalsResult([_pending(each) for each in page.approvals], page.next, page.has_more)


def _pending(each: PendingApproval) -> PendingApprovalResult:
    return PendingApprovalResult(
        id=each.id,
        tool=each.tool,
        input=each.input,
        cwd=each.cwd,
        agent=each.agent,
        role=each.role,
        reason=each.reason,
        waiting=each.waiting,
        since=to_rfc3339(each.since_ns),
        expires=to_rfc3339(each.expires_ns),
        rule=each.rule,
        scripts=None if each.scripts is None else dict(each.scripts),
        whole=each.whole,
        labels=list(each.labels),
    )


async def _decide(gate: Gate, context: RequestContext, arguments: DecideArguments) -> VerdictResult:
    return verdict_result(
        await gate.decide(
            context.caller, arguments.id, arguments.decision, arguments.reason or "", arguments.remember or "no"
        )
    )


async def _propose_rule(gate: Gate, context: RequestContext, arguments: ProposeArguments) -> ProposeResult:
    return ProposeResult(await gate.propose_rule(context.caller, arguments.id))


async def _forget_decision(gate: Gate, context: RequestContext, arguments: ForgetArguments) -> ActivateResult:
    return ActivateResult(await gate.forget_decision(context.caller, arguments.id))


async def _activate_policy(gate: Gate, context: RequestContext, arguments: ActivateArguments) -> ActivateResult:
    version = await gate.activate_policy(
        context.caller, arguments.name, arguments.text, arguments.sha256, arguments.layer or "project"
    )
    return ActivateResult(version)


DECISION_TOOLS: Final = (
    Tool(
        "pending_approvals",
        "What agents have asked for and no rule decides, the oldest first, a page at a time (for experts and admins). "
        "Long inputs are cut, and `whole` says so: look at such a one by its `id` before you decide it.",
        PendingArguments,
        PendingApprovalsResult,
        _pending_approvals,
    ),
    Tool(
        "decide",
        "Allow or deny what waits for a decision (for experts and admins); nobody decides their own request.",
        DecideArguments,
        VerdictResult,
        _decide,
        changes=True,
    ),
    Tool(
        "propose_rule",
        "Which commands a decision would be for if it were remembered as a rule (for admins).",
        ProposeArguments,
        ProposeResult,
        _propose_rule,
    ),
    Tool(
        "forget_decision",
        "Let a remembered decision hold no longer (for admins).",
        ForgetArguments,
        ActivateResult,
        _forget_decision,
        changes=True,
    ),
    Tool(
        "activate_policy",
        "Let a policy govern as a layer above the shipped one, by its text and the text's SHA-256 (for admins).",
        ActivateArguments,
        ActivateResult,
        _activate_policy,
        changes=True,
    ),
)
