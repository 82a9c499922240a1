"""What each MCP tool does: convert its arguments, ask the gate, convert what comes back.

`TOOLS` is the whole of what the hall offers; `tools.py` puts it behind the SDK's server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec

from actors.desk.gate import Call, Gate, Refusal
from actors.kernel import render
from store import Append, Appended, Event, FailIf, NewEvent, Query
from store.model.times import from_rfc3339, to_rfc3339
from transport.mcp.in_flight import Arrival
from transport.mcp.tools import decision_tools as deciding
from transport.mcp.tools import schemas
from transport.mcp.tools.decision_tools import verdict_result
from transport.mcp.tools.schemas import (
    AppendArguments,
    AppendResult,
    Arguments,
    BatchArguments,
    BatchResult,
    CallArguments,
    EventResult,
    ExplainResult,
    Filter,
    HealthResult,
    Nothing,
    QueryArguments,
    QueryResult,
    RuleResult,
    TreeResult,
    ValidateArguments,
    VerdictResult,
    WhoAmIResult,
)

T = TypeVar("T")

WHERE_KEYS: Final = 16
WHERE_KEY_CHARACTERS: Final = 256
WHERE_BYTES: Final = 8 * 1024

_FIRST_NS: Final = -(1 << 63)
_LAST_NS: Final = (1 << 63) - 1

Handler = Callable[[Gate, Arrival, Any], Awaitable[msgspec.Struct]]
HandlerNowait = Callable[[Gate, Arrival, Any], msgspec.Struct]
Sender = Callable[[Gate, Arrival, Any], Callable[[], Awaitable[msgspec.Struct]]]


class Tool(msgspec.Struct, frozen=True):
    """One tool.

    Attributes:
        name: As the contract names it.
        description: What it does, for an agent.
        arguments: What it takes.
        result: What it gives.
        run: Does it: `run(gate, arrival, arguments)`. Raises `Refusal` and the kernel's `ActorError`s.
        run_nowait: Does the same without a checkpoint, or raises `trio.WouldBlock`; None where it never can.
        send: Does the first part of the same without a checkpoint, so that what is sent later comes later, and returns
            what gives the result; where it has done nothing, raises `trio.WouldBlock` or what `run` does.
        ordered: Whether the calls of one connection keep the order of their arrival.
        changes: Whether the tool changes the hall without keeping an order.
    """

    name: str
    description: str
    arguments: type[Arguments]
    result: type[msgspec.Struct]
    run: Handler
    run_nowait: HandlerNowait | None = None
    send: Sender | None = None
    ordered: bool = False
    changes: bool = False

    @property
    def reads_only(self) -> bool:
        """Whether the tool changes nothing that others see."""
        return not self.ordered and not self.changes


async def _health(gate: Gate, arrival: Arrival, arguments: Nothing) -> HealthResult:
    return _health_nowait(gate, arrival, arguments)


def _health_nowait(gate: Gate, _arrival: Arrival, _arguments: Nothing) -> HealthResult:
    return _like(HealthResult, gate.health())


async def _whoami(gate: Gate, arrival: Arrival, _arguments: Nothing) -> WhoAmIResult:
    info = await gate.whoami(arrival.caller)
    return WhoAmIResult(
        agent=info.agent,
        role=info.role,
        session=info.session,
        connected_since=to_rfc3339(info.connected_since),
        limits=_like(schemas.RoleLimits, info.limits),
    )


async def _append_events(gate: Gate, arrival: Arrival, arguments: AppendArguments) -> AppendResult:
    sent = arrival.turn.finish if arrival.turn is not None else None
    return _append_result(await gate.append(arrival.caller, _append(arrival, arguments), sent))


def _send_append(gate: Gate, arrival: Arrival, arguments: AppendArguments) -> Callable[[], Awaitable[AppendResult]]:
    appended = gate.append_nowait(arrival.caller, _append(arrival, arguments))

    async def result() -> AppendResult:
        return _append_result(await appended())

    return result


def _append(arrival: Arrival, arguments: AppendArguments) -> Append:
    return Append(
        events=[_like(NewEvent, event) for event in arguments.events],
        agent=arrival.caller.principal.agent,
        stream=arguments.stream,
        expected_revision=arguments.expected_revision,
        fail_if=_fail_if(arguments.fail_if),
        command_id=arguments.command_id,
    )


def _append_result(appended: Appended) -> AppendResult:
    return AppendResult(
        first_sequence=appended.first_sequence,
        last_sequence=appended.last_sequence,
        revisions=appended.revisions,
        time=to_rfc3339(appended.time_ns),
        deduplicated=appended.deduplicated,
    )


async def _query_events(gate: Gate, arrival: Arrival, arguments: QueryArguments) -> QueryResult:
    if arguments.wait_s and arguments.order == "desc":
        raise Refusal("invalid", "`wait_s` needs the order `asc`: new events come at the end")
    page = await gate.query(arrival.caller, _paged(arguments), arguments.wait_s)
    # Descending, the cursor is negative: a positive `after` keeps its meaning, events with a greater sequence.
    cursor = -page.next if arguments.order == "desc" else page.next
    return QueryResult(events=[_event(event) for event in page.events], next=cursor, has_more=page.has_more)


def _paged(arguments: QueryArguments) -> Query:
    query = msgspec.structs.replace(_query(arguments), order=arguments.order, limit=arguments.limit)
    if arguments.after >= 0:
        return msgspec.structs.replace(query, after=arguments.after)
    if arguments.order == "asc":
        raise Refusal("invalid", "a negative `after` is the cursor of a descending query; set `order` to `desc`")
    below = -arguments.after
    return msgspec.structs.replace(query, before=below if query.before is None else min(below, query.before))


async def _validate(gate: Gate, arrival: Arrival, arguments: ValidateArguments) -> VerdictResult:
    (verdict,) = await gate.validate(arrival.caller, [_call(arguments)], arguments.wait_s, arrival.person)
    return verdict_result(verdict)


def _validate_nowait(gate: Gate, arrival: Arrival, arguments: ValidateArguments) -> VerdictResult:
    (verdict,) = gate.validate_nowait(arrival.caller, [_call(arguments)])
    return verdict_result(verdict)


async def _validate_batch(gate: Gate, arrival: Arrival, arguments: BatchArguments) -> BatchResult:
    verdicts = await gate.validate(arrival.caller, [_call(each) for each in arguments.requests])
    return BatchResult([verdict_result(verdict) for verdict in verdicts])


def _validate_batch_nowait(gate: Gate, arrival: Arrival, arguments: BatchArguments) -> BatchResult:
    verdicts = gate.validate_nowait(arrival.caller, [_call(each) for each in arguments.requests])
    return BatchResult([verdict_result(verdict) for verdict in verdicts])


async def _explain(gate: Gate, arrival: Arrival, arguments: CallArguments) -> ExplainResult:
    verdict, explanation = await gate.explain(arrival.caller, _call(arguments))
    return ExplainResult(
        **msgspec.structs.asdict(verdict_result(verdict)),
        rules=[_like(RuleResult, rule) for rule in explanation.rules],
        commands=[list(words) for words in explanation.commands],
        unproved=list(explanation.unproved),
    )


async def _tree(gate: Gate, arrival: Arrival, _arguments: Nothing) -> TreeResult:
    root = await gate.tree(arrival.caller)
    return TreeResult(text=render(root), root=msgspec.to_builtins(root))


def _like(kind: type[T], value: Any) -> T:
    """Make a struct of another kind with the fields of the same names."""
    return msgspec.convert(value, kind, from_attributes=True)


def _event(event: Event) -> EventResult:
    return EventResult(
        sequence=event.sequence,
        stream=event.stream,
        revision=event.revision,
        type=event.type,
        data=event.data,
        agent=event.agent,
        time=to_rfc3339(event.time_ns),
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        metadata=event.metadata,
    )


def _call(arguments: CallArguments) -> Call:
    return Call(tool=arguments.tool, input=arguments.input, cwd=arguments.cwd)


def _fail_if(condition: schemas.FailIf | None) -> FailIf | None:
    return None if condition is None else FailIf(query=_query(condition.query), after=condition.after)


def _query(filters: Filter) -> Query:
    _check_where(filters.where)
    return Query(
        stream=filters.stream,
        types=tuple(filters.types or ()),
        agents=tuple(filters.agents or ()),
        correlation_id=filters.correlation_id,
        before=filters.before,
        since_ns=_time(filters.since),
        until_ns=_time(filters.until),
        where=filters.where,
    )


def _check_where(where: dict[str, Any] | None) -> None:
    """Bound what is compared with every event of a long read."""
    if where is None:
        return
    if len(where) > WHERE_KEYS or any(len(key) > WHERE_KEY_CHARACTERS for key in where):
        raise Refusal("invalid", f"`where` takes {WHERE_KEYS} keys of {WHERE_KEY_CHARACTERS} characters at the most")
    if len(msgspec.json.encode(where)) > WHERE_BYTES:
        raise Refusal("invalid", f"`where` takes {WHERE_BYTES} bytes at the most")


def _time(text: str | None) -> int | None:
    """Read a time; one beyond what the log can hold is as good as the first or the last that it can."""
    try:
        return None if text is None else max(_FIRST_NS, min(_LAST_NS, from_rfc3339(text)))
    except ValueError as error:
        raise Refusal("invalid", str(error)) from None


TOOLS: Final = {
    tool.name: tool
    for tool in (
        Tool(
            "health",
            "How the hall is: status, version, counts and components.",
            Nothing,
            HealthResult,
            _health,
            _health_nowait,
        ),
        Tool("whoami", "Who you are here, in which role, with which limits.", Nothing, WhoAmIResult, _whoami),
        Tool(
            "append_events",
            "Append events to the log, all or none. `expected_revision` and `fail_if` make it conditional; "
            "`command_id` makes a retry safe.",
            AppendArguments,
            AppendResult,
            _append_events,
            send=_send_append,
            ordered=True,
        ),
        Tool(
            "query_events",
            "Read events, a page at a time: pass `next` as `after` to go on while `has_more`; large events end a page "
            "before its limit, at 1 MiB. With `wait_s` an empty page waits for the first match, which is how to follow "
            "the log.",
            QueryArguments,
            QueryResult,
            _query_events,
        ),
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
        Tool(
            "pending_approvals",
            "What agents have asked for and no rule decides, the oldest first (for experts and admins).",
            Nothing,
            schemas.PendingApprovalsResult,
            deciding.pending_approvals,
        ),
        Tool(
            "decide",
            "Allow or deny what waits for a decision (for experts and admins); nobody decides their own request.",
            schemas.DecideArguments,
            VerdictResult,
            deciding.decide,
            changes=True,
        ),
        Tool(
            "propose_rule",
            "Which commands a decision would be for if it were remembered as a rule (for admins).",
            schemas.ProposeArguments,
            schemas.ProposeResult,
            deciding.propose_rule,
        ),
        Tool(
            "forget_decision",
            "Let a remembered decision hold no longer (for admins).",
            schemas.ForgetArguments,
            schemas.ActivateResult,
            deciding.forget_decision,
            changes=True,
        ),
        Tool(
            "activate_policy",
            "Let a policy govern as a layer above the shipped one, by its text and the text's SHA-256 (for admins).",
            schemas.ActivateArguments,
            schemas.ActivateResult,
            deciding.activate_policy,
            changes=True,
        ),
        Tool("tree", "The hall's tree of supervisors and actors, as text and as data.", Nothing, TreeResult, _tree),
    )
}
"""Every tool, by name."""
