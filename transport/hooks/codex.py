"""The hooks of Codex.

As of its release 0.171 a `PreToolUse` hook can only deny; `ask`, and `allow` that changes nothing, count as a failed
hook, and a failed hook lets the call through. So there `allow` prints nothing and `ask` becomes a denial that says why.
Its `PermissionRequest` hook runs before Codex would ask its user, and knows all three: allow, deny, and no output,
whereupon the user is asked.
"""

from __future__ import annotations

from transport.hooks.hook_answer import (
    PERMISSION_REQUEST,
    Judgement,
    asks_the_person,
    permission_request_output,
    pre_tool_use_output,
)

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Any


def answer(event: str, judged: Judgement) -> dict[str, Any] | None:
    """Return a judgement as Codex's hook prints it; None prints nothing."""
    if event == PERMISSION_REQUEST:
        return permission_request_output(judged)
    if judged.decision == "allow":
        return None
    if judged.decision == "ask":
        return pre_tool_use_output("deny", asks_the_person(judged.reason, "Codex"))
    return pre_tool_use_output("deny", judged.reason)
