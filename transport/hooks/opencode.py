"""The hook that Moothall's own plugin for OpenCode runs (`opencode_plugin.js`).

OpenCode (tried: 1.18.33) lets a plugin look at each call before it runs, and refuse it by an error; it lets it ask no
person. So `ask` is a denial that says why, as with Codex.
"""

from __future__ import annotations

from transport.hooks.hook_answer import Judgement, asks_the_person

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Any


def answer(_event: str, judged: Judgement) -> dict[str, Any]:
    """Return a judgement as the plugin reads it."""
    if judged.decision == "ask":
        return {"decision": "deny", "reason": asks_the_person(judged.reason, "OpenCode")}
    return {"decision": judged.decision, "reason": judged.reason}
