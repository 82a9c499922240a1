"""The hooks of Cursor, after its documentation; not tried with Cursor itself.

Its `preToolUse` comes before every tool and hears `permission`, with a message for the person and one for the agent. It
enforces `deny` there, and not `ask`, so that is a denial that says why. `failClosed` in its hooks file has a hook that
fails refuse the call.
"""

from __future__ import annotations

from transport.hooks.hook_answer import Judgement, asks_the_person

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Any


def answer(_event: str, judged: Judgement) -> dict[str, Any]:
    """Return a judgement as Cursor's hook prints it."""
    if judged.decision == "ask":
        judged = Judgement("deny", asks_the_person(judged.reason, "Cursor"))
    return {"permission": judged.decision, "user_message": judged.reason, "agent_message": judged.reason}
