"""The hooks of Claude Code, as it documents them.

The decisions of `PreToolUse` are ours: allow, deny and ask. `PermissionRequest` comes before it asks its user, and
knows all three: allow, deny, and no output, whereupon the user is asked.
"""

from __future__ import annotations

from transport.hooks.hook_answer import PERMISSION_REQUEST, Judgement, permission_request_output, pre_tool_use_output

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Any


def answer(event: str, judged: Judgement) -> dict[str, Any] | None:
    """Return a judgement as Claude Code's hook prints it; None prints nothing."""
    if event == PERMISSION_REQUEST:
        return permission_request_output(judged)
    return pre_tool_use_output(judged.decision, judged.reason)
