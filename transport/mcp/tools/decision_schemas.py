"""Arguments and results of the tools with which experts and admins decide."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from transport.mcp.tools.schema import Arguments, Name, Sequence, Time


class PendingArguments(Arguments, frozen=True):
    """Which of what waits for a decision."""

    after: Annotated[Sequence, Meta(description="Only what follows; pass a result's `next` to go on")] = 0
    limit: Annotated[int, Meta(ge=1, le=1000, description="At most so many; a page has fewer if they are large")] = 100
    id: Annotated[Name | None, Meta(description="This one alone, with all of its input")] = None


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
    rule: str | None
    scripts: dict[str, str | None] | None = None
    whole: Annotated[bool, Meta(description="False: parts of the input are missing; ask for this `id` alone")] = True
    labels: list[str] = []


class PendingApprovalsResult(msgspec.Struct, frozen=True):
    """A page of what waits for a decision, the oldest first."""

    approvals: list[PendingApprovalResult]
    next: Annotated[int, Meta(description="What to pass as `after` for what follows")] = 0
    has_more: bool = False


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
