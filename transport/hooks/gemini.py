"""The hooks of Gemini CLI.

As of 0.61 its `BeforeTool` hook knows `allow`, `deny` and `ask`, in `decision` with `reason`. `ask` puts the question
to the person; where none is there, it waits for ever (see `agents.WAITS_FOR_EVER`). A hook that ends with exit code 1,
or not in time, lets the call through; so does JSON on stdout that decides nothing, whatever the exit code. It names no
call and no subagent.
"""

from __future__ import annotations

from transport.hooks.hook_answer import Judgement

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Any


def answer(_event: str, judged: Judgement) -> dict[str, Any]:
    """Return a judgement as Gemini CLI's hook prints it."""
    return {"decision": judged.decision, "reason": judged.reason}
