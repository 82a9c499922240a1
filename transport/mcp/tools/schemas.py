"""The tools' arguments and results, as they stand on the wire, and the JSON Schemas made from them.

One definition serves three: msgspec checks and converts arguments with it, clients are shown its JSON Schema, and the
Python client reads results with it. Where null is allowed it means
the same as leaving the field out. This module imports neither
the SDK nor an actor, because the client starts with it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from store.model.times import PATTERN

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        pattern=r"^[^\u0000-\u001f\u007f-\u009f]*$",
        description="1 to 256 characters, no control characters",
    ),
]
Time = Annotated[str, Meta(pattern=PATTERN, description="RFC 3339, to the nanosecond")]
Sequence = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0, le=3600)]
VerdictKind = Literal["allow", "deny", "ask"]
Status = Literal["ok", "degraded", "failing"]


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Base of what tools take."""


class Nothing(Arguments, frozen=True):
    """No arguments."""


class NewEventArguments(Arguments, frozen=True):
    """An event to append."""

    type: Annotated[Name, Meta(description="What happened. Types starting `moothall.` are the server's own.")]
    data: Annotated[Any, Meta(description="The payload: any JSON, 64 levels deep at most")] = None
    stream: Annotated[Name | None, Meta(description="Defaults to the call's `stream`")] = None
    correlation_id: Name | None = None
    causation_id: Name | None = None
    metadata: dict[str, Any] | None = None


class Filter(Arguments, frozen=True):
    """Which events are meant; every filter given must hold."""

    stream: Name | None = None
    types: Annotated[
        Annotated[list[Name], Meta(max_length=64)] | None, Meta(description="Events of one of these types")
    ] = None
    agents: Annotated[
        Annotated[list[Name], Meta(max_length=64)] | None, Meta(description="Events appended by one of these agents")
    ] = None
    correlation_id: Name | None = None
    before: Annotated[Sequence | None, Meta(description="Events with a smaller sequence")] = None
    since: Annotated[Time | None, Meta(description="Events at this time or later")] = None
    until: Annotated[Time | None, Meta(description="Events before this time")] = None
    where: Annotated[
        dict[str, Any] | None,
        Meta(description="Payload fields and the values they must equal; a key is a field's name or a dotted path"),
    ] = None


class FailIf(Arguments, frozen=True):
    """Refuse the append if an event that matches the query has a sequence above `after`."""

    query: Filter
    after: Sequence = 0


class AppendArguments(Arguments, frozen=True):
    """Append events, all or none."""

    events: Annotated[list[NewEventArguments], Meta(min_length=1)]
    stream: Annotated[Name | None, Meta(description="Defaults to `agent/<your name>`")] = None
    expected_revision: Annotated[
        Sequence | Literal["any", "no_stream", "exists"] | None,
        Meta(description="Refuse unless `stream` is at this revision"),
    ] = None
    fail_if: FailIf | None = None
    command_id: Annotated[Name | None, Meta(description="Makes a retry safe: the same id is stored once")] = None


class QueryArguments(Filter, frozen=True):
    """Which events to return, and how many."""

    after: Annotated[
        int, Meta(description="Events with a greater sequence; pass `next` to go on (descending, it is negative)")
    ] = 0
    order: Literal["asc", "desc"] = "asc"
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    wait_s: Annotated[Seconds, Meta(description="Where the page would be empty, wait this long for an event")] = 0.0


class CallArguments(Arguments, frozen=True):
    """An action that an agent wants to take, named as agents name it."""

    tool: Annotated[Name, Meta(description="`Bash`, `Read`, `Edit`, ... or `mcp__server__tool`")]
    input: Annotated[dict[str, Any], Meta(description="The tool's own arguments, such as {command} for `Bash`")]
    cwd: Annotated[str | None, Meta(description="The directory that relative paths start from")] = None


class ValidateArguments(CallArguments, frozen=True):
    """An action to judge."""

    wait_s: Annotated[
        Seconds,
        Meta(description="Wait this long for a decision on an `ask`; where nothing can be decided, it returns at once"),
    ] = 0.0


class BatchArguments(Arguments, frozen=True):
    """Actions to judge."""

    requests: Annotated[list[CallArguments], Meta(min_length=1, max_length=1000)]


class Component(msgspec.Struct, frozen=True):
    """The state of one part of the hall."""

    status: Status
    detail: str


class HealthResult(msgspec.Struct, frozen=True):
    """How the hall is."""

    status: Status
    version: str
    uptime_s: float
    sequence: int
    sessions: int
    connections: int
    components: dict[str, Component]


class RoleLimits(msgspec.Struct, frozen=True):
    """What the caller's role may use."""

    requests_per_s: float | None
    burst: int
    batch: int
    event_bytes: int
    depth: int


class WhoAmIResult(msgspec.Struct, frozen=True):
    """Who the caller is."""

    agent: str
    role: str
    session: str
    connected_since: Time
    limits: RoleLimits


class AppendResult(msgspec.Struct, frozen=True):
    """Where the events went."""

    first_sequence: int
    last_sequence: int
    revisions: dict[str, int]
    time: Time
    deduplicated: bool


class EventResult(msgspec.Struct, frozen=True):
    """A stored event."""

    sequence: int
    stream: str
    revision: int
    type: str
    data: Any
    agent: str
    time: Time
    correlation_id: str | None
    causation_id: str | None
    metadata: dict[str, Any] | None


class QueryResult(msgspec.Struct, frozen=True):
    """A page of events."""

    events: list[EventResult]
    next: int
    has_more: bool


class Approval(msgspec.Struct, frozen=True):
    """A decision that somebody was asked for."""

    id: str
    state: str
    expires: Time


class VerdictResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "may I?"."""

    verdict: VerdictKind
    reason: str
    rule: str | None
    policy: str
    cached: bool
    request: str
    elapsed_us: int
    approval: Approval | None = None


class DecideArguments(Arguments, frozen=True):
    """A decision on what waits for one."""

    id: Name
    decision: Literal["allow", "deny"]
    reason: Annotated[str, Meta(max_length=4096, description="Why, for those who asked")] | None = None
    remember: Annotated[
        Literal["no", "exact", "rule"] | None,
        Meta(
            description="`exact`: decide the same action of the same role from now on; `rule`: also commands like it, "
            "as `propose_rule` says (for admins)"
        ),
    ] = None


class ProposeArguments(Arguments, frozen=True):
    """What waits for a decision."""

    id: Name


class ProposeResult(msgspec.Struct, frozen=True):
    """Which commands a decision would be for that is remembered as a rule, in words."""

    rule: str


class ForgetArguments(Arguments, frozen=True):
    """A remembered decision."""

    id: Annotated[Name, Meta(description="The approval where it was taken: a verdict's rule is `remembered.ID`")]


class PendingApprovalResult(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a decision."""

    id: str
    tool: str
    input: dict[str, Any]
    cwd: str | None
    agent: str
    role: str
    reason: str
    waiting: int
    since: Time
    expires: Time


class PendingApprovalsResult(msgspec.Struct, frozen=True):
    """All that waits for a decision, the oldest first."""

    approvals: list[PendingApprovalResult]


class ActivateArguments(Arguments, frozen=True):
    """A policy that is to govern."""

    name: Annotated[Name, Meta(description="What errors call it, such as its file's name")]
    text: Annotated[str, Meta(max_length=1_000_000, description="The policy, as TOML")]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="The hash of the text that was looked at")]
    layer: Annotated[
        Literal["organisation", "project"] | None, Meta(description="The layer that it replaces; `project` by default")
    ] = None


class ActivateResult(msgspec.Struct, frozen=True):
    """The version of the policy that governs now."""

    policy: str


class BatchResult(msgspec.Struct, frozen=True):
    """Verdicts, in the order of the requests."""

    verdicts: list[VerdictResult]


class RuleResult(msgspec.Struct, frozen=True):
    """What one rule says of the request."""

    id: str
    matched: bool
    why: str


class ExplainResult(VerdictResult, frozen=True, kw_only=True):
    """A verdict and how it came about."""

    rules: list[RuleResult]
    commands: list[list[str | None]]
    unproved: list[str]


class TreeResult(msgspec.Struct, frozen=True):
    """What runs in the hall.

    Attributes:
        text: The tree, drawn.
        root: The tree as data: each node has name, kind, state, restart, statistics and children.
    """

    text: str
    root: dict[str, Any]


def input_schema(kind: type[Arguments]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a tool's arguments."""
    return _schema(kind)


def output_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a tool's structured content: the result, or the error of the contract.

    Some clients check the structured content of an error too, so the schema has to allow for it; the result's fields
    stay at the top level, where clients look for them.
    """
    schema = _schema(kind)
    schema["properties"]["error"] = {
        "type": "object",
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        "required": ["code", "message"],
    }
    schema["anyOf"] = [{"required": schema.pop("required")}, {"required": ["error"]}]
    return schema


def _schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    _, definitions = msgspec.json.schema_components((kind,), ref_template="#/$defs/{name}")
    for definition in definitions.values():
        definition.setdefault("additionalProperties", False)
    schema: dict[str, Any] = definitions.pop(kind.__name__)
    if definitions:
        schema["$defs"] = definitions
    return schema
