"""The hooks of Codex.

As of its release 0.169 a `PreToolUse` hook can only deny; `ask`, and `allow` that changes nothing, count as a failed
hook, and a failed hook lets the call through. So there `allow` prints nothing and `ask` becomes a denial that says why.
Its `PermissionRequest` hook runs before Codex would ask its user, and knows all three: allow, deny, and no output,
whereupon the user is asked.
"""

from __future__ import annotations

from typing import Any, Final

from transport.hooks.hook_answer import Judgement, pre_tool_use_output

PERMISSION_REQUEST: Final = "PermissionRequest"


def answer(event: str, judged: Judgement) -> dict[str, Any] | None:
    """Return a judgement as Codex's hook prints it; None prints nothing."""
    if event == PERMISSION_REQUEST:
        return _permission_request_output(judged)
    if judged.decision == "allow":
        return None
    if judged.decision == "ask":
        return pre_tool_use_output("deny", f"{judged.reason}: ask the person you work for, Codex cannot")
    return pre_tool_use_output("deny", judged.reason)


def _permission_request_output(judged: Judgement) -> dict[str, Any] | None:
    if judged.decision == "ask":
        return None
    decision = {"behavior": judged.decision, **({"message": judged.reason} if judged.decision == "deny" else {})}
    return {"hookSpecificOutput": {"hookEventName": PERMISSION_REQUEST, "decision": decision}}
