"""The coding agents whose hooks are understood, each in a module of its own."""

from __future__ import annotations

from transport.hooks import claude_code, codex, cursor, gemini, opencode

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Final

    from transport.hooks.hook_answer import Answer

AGENTS: Final[dict[str, Answer]] = {
    "claude-code": claude_code.answer,
    "codex": codex.answer,
    "gemini": gemini.answer,
    "opencode": opencode.answer,
    "cursor": cursor.answer,
}
"""How each agent is answered, by the name that `moothall hook` takes."""
