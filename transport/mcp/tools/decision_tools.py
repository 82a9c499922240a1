"""What the tools do that experts and admins have, and how a verdict stands on the wire."""

from __future__ import annotations

from typing import cast

from actors.desk.gate import Gate, Verdict
from store.model.times import to_rfc3339
from transport.mcp.in_flight import Arrival
from transport.mcp.tools.schemas import (
    ActivateArguments,
    ActivateResult,
    Approval,
    DecideArguments,
    ForgetArguments,
    Nothing,
    PendingApprovalResult,
    PendingApprovalsResult,
    ProposeArguments,
    ProposeResult,
    VerdictKind,
    VerdictResult,
)


def verdict_result(verdict: Verdict) -> VerdictResult:
    """Return a verdict as the contract has it."""
    approval = verdict.approval
    return VerdictResult(
        verdict=cast("VerdictKind", verdict.verdict),
        reason=verdict.reason,
        rule=verdict.rule,
        policy=verdict.policy,
        cached=verdict.cached,
        request=verdict.request,
        elapsed_us=verdict.elapsed_us,
        approval=None if approval is None else Approval(approval.id, approval.state, to_rfc3339(approval.expires_ns)),
    )


async def pending_approvals(gate: Gate, arrival: Arrival, _arguments: Nothing) -> PendingApprovalsResult:
    """Return what waits for a decision; a checkpoint."""
    return PendingApprovalsResult(
        [
            PendingApprovalResult(
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
            )
            for each in await gate.pending(arrival.caller)
        ]
    )


async def decide(gate: Gate, arrival: Arrival, arguments: DecideArguments) -> VerdictResult:
    """Decide; a checkpoint."""
    return verdict_result(
        await gate.decide(
            arrival.caller, arguments.id, arguments.decision, arguments.reason or "", arguments.remember or "no"
        )
    )


async def propose_rule(gate: Gate, arrival: Arrival, arguments: ProposeArguments) -> ProposeResult:
    """Say which commands a decision would be for; a checkpoint."""
    return ProposeResult(await gate.propose(arrival.caller, arguments.id))


async def forget_decision(gate: Gate, arrival: Arrival, arguments: ForgetArguments) -> ActivateResult:
    """Forget a decision; a checkpoint."""
    return ActivateResult(await gate.forget(arrival.caller, arguments.id))


async def activate_policy(gate: Gate, arrival: Arrival, arguments: ActivateArguments) -> ActivateResult:
    """Activate a policy; a checkpoint."""
    version = await gate.activate(
        arrival.caller, arguments.name, arguments.text, arguments.sha256, arguments.layer or "project"
    )
    return ActivateResult(version)
