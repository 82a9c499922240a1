"""What is asked at the front desk and what is answered: the words that the gate, the audit and approvals share."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.speed_layer.messages import ApprovalInfo


class Origin(msgspec.Struct, frozen=True):
    """Where a call comes from below its principal, as a hook says. It tells calls apart, and is no authority.

    Attributes:
        session_id: The agent's session.
        agent_id: The subagent; None for the agent itself.
        tool_use_id: The call, in the agent's own words.
    """

    session_id: str | None = None
    agent_id: str | None = None
    tool_use_id: str | None = None


class Call(msgspec.Struct, frozen=True):
    """An action that an agent wants to take.

    Attributes:
        tool: The tool's name, as agents name it.
        input: The tool's arguments.
        cwd: The working directory that relative paths start from; None if unknown.
        scripts: What the files hold that it runs: SHA-256 by path, None for what could not be read.
        workspace: The project's root; None where the hall has none.
        origin: Where it comes from, if a hook asks: then the person at the client is asked what stays `ask`.
        existing: The files that it may write and that are there, by path; None where nobody has looked. It makes the
            request no other one.
    """

    tool: str
    input: dict[str, Any]
    cwd: str | None = None
    scripts: dict[str, str | None] | None = None
    workspace: str | None = None
    origin: Origin | None = None
    existing: tuple[str, ...] | None = None


class Verdict(msgspec.Struct, frozen=True):
    """The answer to "may I?"; see the contract."""

    verdict: str
    reason: str
    rule: str | None
    policy: str
    cached: bool
    request: str
    elapsed_us: int
    approval: ApprovalInfo | None = None
