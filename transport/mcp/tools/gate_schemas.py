"""Arguments and results of the tools that judge an action before it is taken."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from transport.mcp.tools.request_paths import DIRECTORY, MOST_PATH_BYTES, check_paths
from transport.mcp.tools.schema import BATCH, Arguments, Name, Seconds, Time

VerdictKind = Literal["allow", "deny", "ask"]
SCRIPTS: Final = 16
"""How many files one request may name that it runs: more than a line does that a person would approve."""
EXISTING: Final = 64
"""How many files one request may name that are there: twice what Moothall's own hook does."""

Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
ScriptDigests = Annotated[
    dict[str, Digest | None],
    Meta(
        max_length=SCRIPTS,
        extra_json_schema={"propertyNames": {"pattern": DIRECTORY, "maxLength": MOST_PATH_BYTES}},
    ),
]
"""What the files hold that a command runs; null for what could not be read."""

ExistingFiles = Annotated[
    list[Annotated[str, Meta(extra_json_schema={"pattern": DIRECTORY, "maxLength": MOST_PATH_BYTES})]],
    Meta(max_length=EXISTING),
]
"""Files that are there, by path."""

Directory = Annotated[str, Meta(extra_json_schema={"pattern": DIRECTORY, "maxLength": MOST_PATH_BYTES})]
"""A working directory; `check_paths` holds requests to it, since it keeps what it has found."""


Id = Annotated[str, Meta(min_length=1, max_length=256)]
"""How an agent names a session, a subagent or a call."""


class OriginArguments(Arguments, frozen=True):
    """Where a call comes from below its principal; tells calls apart in the log, and gives no right."""

    session_id: Annotated[Id | None, Meta(description="The agent's session")] = None
    agent_id: Annotated[Id | None, Meta(description="The subagent")] = None
    tool_use_id: Annotated[Id | None, Meta(description="The call of the tool")] = None


class CallArguments(Arguments, frozen=True):
    """An action that an agent wants to take, named as agents name it."""

    tool: Annotated[Name, Meta(description="`Bash`, `Read`, `Edit`, ... or `mcp__server__tool`")]
    input: Annotated[dict[str, Any], Meta(description="The tool's own arguments, such as {command} for `Bash`")]
    cwd: Annotated[Directory | None, Meta(description="The directory that relative paths start from")] = None

    scripts: Annotated[
        ScriptDigests | None,
        Meta(description="Hooks: SHA-256 of each file that the command runs, by path; an approval is for these alone"),
    ] = None

    origin: Annotated[
        OriginArguments | None,
        Meta(
            description="Hooks over HTTP: where the call comes from; what is `ask` opens no approval without `wait_s`"
        ),
    ] = None

    existing: Annotated[
        ExistingFiles | None,
        Meta(description="Hooks: which files that the call may write are there already"),
    ] = None

    def __post_init__(self) -> None:
        check_paths(self.cwd, self.input, self.scripts, self.existing)


class ValidateArguments(CallArguments, frozen=True):
    """An action to judge."""

    wait_s: Annotated[
        Seconds,
        Meta(description="Wait this long for a decision on an `ask`; where nothing can be decided, it returns at once"),
    ] = 0.0


class BatchArguments(Arguments, frozen=True):
    """Actions to judge."""

    requests: Annotated[list[CallArguments], Meta(min_length=1, max_length=BATCH)]


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
