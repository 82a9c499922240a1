"""The hook of Claude Code: its documented `PreToolUse`, whose decisions are ours, namely allow, deny and ask."""

from __future__ import annotations

from typing import Any

from transport.hooks.hook_answer import Judgement, pre_tool_use_output


def answer(_event: str, judged: Judgement) -> dict[str, Any]:
    """Return a judgement as Claude Code's hook prints it."""
    return pre_tool_use_output(judged.decision, judged.reason)
