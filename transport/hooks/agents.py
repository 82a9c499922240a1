"""The coding agents whose hooks are understood, each in a module of its own."""

from __future__ import annotations

from transport.hooks import claude_code, codex, cursor, gemini, opencode
from transport.hooks.hook_answer import Judgement, asks_the_person, event_name, members, with_the_call

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Any, Final

    from transport.hooks.hook_answer import Answer

AGENTS: Final[dict[str, Answer]] = {
    "claude-code": claude_code.answer,
    "codex": codex.answer,
    "gemini": gemini.answer,
    "opencode": opencode.answer,
    "cursor": cursor.answer,
}
"""How each agent is answered, by the name that `moothall hook` takes."""

ASKS_NOBODY: Final = "bypassPermissions"
"""The mode of Claude Code in which an `ask` of a hook is no question: a write to a file that Claude Code itself guards
went through (2.1.332), while all else was refused."""


WAITS_FOR_EVER: Final = frozenset({"gemini"})
"""The agents that put an `ask` of a hook to nobody and wait: Gemini CLI 0.61, where it is not interactive."""


def in_words(agent: str, event: Any, judged: Judgement, *, attended: bool = True) -> dict[str, Any] | None:
    """Return a judgement as an agent's hook prints it; None prints nothing. Where nobody is asked, `ask` is a denial.

    Args:
        agent: Whose hook it is.
        event: What the hook was given.
        judged: What is to be told.
        attended: Whether somebody may be at the agent's terminal.
    """
    if judged.decision == "ask":
        judged = with_the_call(judged, event)
    if judged.decision == "ask" and agent in WAITS_FOR_EVER and not attended:
        judged = Judgement("deny", asks_the_person(judged.reason, "an agent without a terminal"))
    if judged.decision == "ask" and (members(event) or {}).get("permission_mode") == ASKS_NOBODY:
        judged = Judgement("deny", asks_the_person(judged.reason, "this mode of the agent"))
    return AGENTS[agent](event_name(event), judged)
