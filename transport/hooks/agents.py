"""The coding agents whose hooks are understood, each in a module of its own."""

from __future__ import annotations

from typing import Final

from transport.hooks import claude_code, codex
from transport.hooks.hook_answer import Answer

AGENTS: Final[dict[str, Answer]] = {"claude-code": claude_code.answer, "codex": codex.answer}
"""How each agent is answered, by the name that `moothall hook` takes."""
