"""The tools that judge an action before it is taken: `validate`, `validate_batch` and `explain`."""

from __future__ import annotations

from typing import Final, cast

import msgspec

from actors.desk.gate import Call, Gate, Verdict
from actors.speed_layer.call_and_verdict import Origin
from store.model.times import to_rfc3339
from transport.mcp.request_context import RequestContext
from transport.mcp.tools.gate_schemas import (
    Approval,
    BatchArguments,
    BatchResult,
    CallArguments,
    ExplainResult,
    RuleResult,
    ValidateArguments,
    VerdictKind,
    VerdictResult,
)
from transport.mcp.tools.tool import Tool, converted


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


async def _validate(gate: Gate, context: RequestContext, arguments: ValidateArguments) -> VerdictResult:
    (verdict,) = await gate.validate(
        context.caller, [_call(gate, context, arguments)], arguments.wait_s, context.person
    )
    return verdict_result(verdict)


def _validate_nowait(gate: Gate, context: RequestContext, arguments: ValidateArguments) -> VerdictResult:
    (verdict,) = gate.validate_nowait(context.caller, [_call(gate, context, arguments)])
    return verdict_result(verdict)


async def _validate_batch(gate: Gate, context: RequestContext, arguments: BatchArguments) -> BatchResult:
    verdicts = await gate.validate(context.caller, [_call(gate, context, each) for each in arguments.requests])
    return BatchResult([verdict_result(verdict) for verdict in verdicts])


def _validate_batch_nowait(gate: Gate, context: RequestContext, arguments: BatchArguments) -> BatchResult:
    verdicts = gate.validate_nowait(context.caller, [_call(gate, context, each) for each in arguments.requests])
    return BatchResult([verdict_result(verdict) for verdict in verdicts])


async def _explain(gate: Gate, context: RequestContext, arguments: CallArguments) -> ExplainResult:
    verdict, explanation = await gate.explain(context.caller, _call(gate, context, arguments))
    return ExplainResult(
        **msgspec.structs.asdict(verdict_result(verdict)),
        rules=[converted(RuleResult, rule) for rule in explanation.rules],
        commands=[list(words) for words in explanation.commands],
        unproved=list(explanation.unproved),
    )


def _call(gate: Gate, context: RequestContext, arguments: CallArguments) -> Call:
    said = arguments.origin if context.by_hook else None  # an agent's own words would move it into other sessions
    return Call(
        arguments.tool,
        arguments.input,
        arguments.cwd,
        arguments.scripts,
        gate.views.workspace_of(arguments.cwd),
        None if said is None else Origin(said.session_id, said.agent_id, said.tool_use_id),
        None if arguments.existing is None else tuple(arguments.existing),
    )


GATE_TOOLS: Final = (
    Tool(
        "validate",
        "May I? Ask before you run a tool; the verdict is allow, deny or ask, with the rule and the reason.",
        ValidateArguments,
        VerdictResult,
        _validate,
        _validate_nowait,
    ),
    Tool(
        "validate_batch",
        "As `validate`, for up to 1,000 actions.",
        BatchArguments,
        BatchResult,
        _validate_batch,
        _validate_batch_nowait,
    ),
    Tool(
        "explain",
        "A verdict and how it came about: rules, the simple commands a shell would run, what could not be proved.",
        CallArguments,
        ExplainResult,
        _explain,
    ),
)
