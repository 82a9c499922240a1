"""What is asked at the front desk and what is answered: the words that the gate, the audit and approvals share."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.speed_layer.messages import ApprovalInfo


class Call(msgspec.Struct, frozen=True):
    """An action that an agent wants to take.

    Attributes:
        tool: The tool's name, as agents name it.
        input: The tool's arguments.
        cwd: The working directory that relative paths start from; None if unknown.
        scripts: What the files hold that it runs: SHA-256 by path, None for what could not be read.
        workspace: The project's root; None where the hall has none.
    """

    tool: str
    input: dict[str, Any]
    cwd: str | None = None
    scripts: dict[str, str | None] | None = None
    workspace: str | None = None


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
