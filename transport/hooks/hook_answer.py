"""What the hooks of all agents share: the question to the hall, its answer, and the output of a `PreToolUse` hook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, cast

Decision = Literal["allow", "deny", "ask"]

PRE_TOOL_USE: Final = "PreToolUse"


class Unusable(Exception):  # noqa: N818 - states a fact about what was read
    """What the agent sent, or what the server answered, is not what it should be; the text says how."""


class Judgement(NamedTuple):
    """What is to be told.

    Attributes:
        decision: The decision.
        reason: Why, for the agent or the person.
    """

    decision: Decision
    reason: str


Answer = Callable[[str, Judgement], dict[str, Any] | None]
"""Returns a judgement as an agent's hook prints it, given the name of the hook's event; None prints nothing."""


def question(event: Any) -> dict[str, Any]:
    """Return what to ask the hall about a hook's event: the body of `POST /v1/validate`.

    Raises:
        Unusable: The event does not tell of a tool that is about to be used.
    """
    if not isinstance(event, dict):
        raise Unusable("the hook was not given a JSON object")
    fields = cast("dict[str, Any]", event)
    tool, arguments, cwd = fields.get("tool_name"), fields.get("tool_input"), fields.get("cwd")
    if not isinstance(tool, str) or not isinstance(arguments, dict):
        raise Unusable("`tool_name` or `tool_input` is missing: this hook is for PreToolUse")
    return {"tool": tool, "input": arguments, **({"cwd": cwd} if isinstance(cwd, str) else {})}


def event_name(event: Any) -> str:
    """Return which event a hook was called for; `PreToolUse` where it does not say."""
    name = cast("dict[str, Any]", event).get("hook_event_name") if isinstance(event, dict) else None
    return name if isinstance(name, str) else PRE_TOOL_USE


def judgement(status: int, answer: Any) -> Judgement:
    """Return the verdict that the hall has answered.

    Args:
        status: The HTTP status.
        answer: The decoded body.

    Raises:
        Unusable: It is not a verdict.
    """
    fields = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    if status != 200:  # noqa: PLR2004 - HTTP's own number
        error = fields.get("error")
        raise Unusable(f"the hall answered HTTP {status}: {error if error is not None else answer}")
    verdict, reason, rule = fields.get("verdict"), fields.get("reason"), fields.get("rule")
    if verdict not in {"allow", "deny", "ask"} or not isinstance(reason, str):
        raise Unusable("the hall's answer is no verdict")
    return Judgement(verdict, f"{reason} (moothall: {rule})" if rule else f"{reason} (moothall)")


def pre_tool_use_output(decision: Decision, reason: str) -> dict[str, Any]:
    """Return the output of a `PreToolUse` hook: Claude Code's form, which other agents took over."""
    return {
        "hookSpecificOutput": {
            "hookEventName": PRE_TOOL_USE,
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
        }
    }
