"""The hooks of Gemini CLI.

As of 0.61 its `BeforeTool` hook knows `allow`, `deny` and `ask`, in `decision` with `reason`. `ask` puts the question
to the person; where none is there, the call is refused. A hook that ends with another exit code than 0 and 2, or not
in time, lets the call through.
"""

from __future__ import annotations

from transport.hooks.hook_answer import Judgement

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Any


def answer(_event: str, judged: Judgement) -> dict[str, Any]:
    """Return a judgement as Gemini CLI's hook prints it."""
    return {"decision": judged.decision, "reason": judged.reason}
