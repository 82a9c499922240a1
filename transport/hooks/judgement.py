"""What coding agents' hooks say and want to hear. Pure: JSON in, JSON out.

Claude Code: the documented `PreToolUse` hook; its decisions are ours: allow, deny, ask.

Codex: as of its release 0.169 a `PreToolUse` hook can only deny; `ask`, and `allow` that changes nothing, count as
a failed hook, and a failed hook lets the call through. So there `allow` is silence and `ask` becomes a denial that says
why. Its `PermissionRequest` hook, run before Codex would ask its user, knows all three: allow, deny, and silence,
whereupon the user is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, cast

Decision = Literal["allow", "deny", "ask"]

PRE_TOOL_USE: Final = "PreToolUse"
PERMISSION_REQUEST: Final = "PermissionRequest"


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
"""Says a judgement as an agent wants to hear it, given the name of its event; None is silence."""


def question(event: Any) -> dict[str, Any]:
    """Return what to ask the hall about a hook's event: the body of `POST /v1/validate`.

    Raises:
        Unusable: The event is none of a tool that is about to be used.
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
        Unusable: It is no verdict.
    """
    fields = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    if status != 200:  # noqa: PLR2004 - HTTP's own number
        error = fields.get("error")
        raise Unusable(f"the hall answered HTTP {status}: {error if error is not None else answer}")
    verdict, reason, rule = fields.get("verdict"), fields.get("reason"), fields.get("rule")
    if verdict not in {"allow", "deny", "ask"} or not isinstance(reason, str):
        raise Unusable("the hall's answer is no verdict")
    return Judgement(verdict, f"{reason} (moothall: {rule})" if rule else f"{reason} (moothall)")


def claude_code(_event: str, judged: Judgement) -> dict[str, Any]:
    """Say it as Claude Code wants to hear it."""
    return _decided(judged.decision, judged.reason)


def codex(event: str, judged: Judgement) -> dict[str, Any] | None:
    """Say it as Codex wants to hear it; see above."""
    if event == PERMISSION_REQUEST:
        return _behave(judged)
    if judged.decision == "allow":
        return None
    if judged.decision == "ask":
        return _decided("deny", f"{judged.reason}: ask the person you work for, Codex cannot")
    return _decided("deny", judged.reason)


def _decided(decision: Decision, reason: str) -> dict[str, Any]:
    return {
        "hookSpecificOutput": {
            "hookEventName": PRE_TOOL_USE,
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
        }
    }


def _behave(judged: Judgement) -> dict[str, Any] | None:
    if judged.decision == "ask":
        return None
    decision = {"behavior": judged.decision, **({"message": judged.reason} if judged.decision == "deny" else {})}
    return {"hookSpecificOutput": {"hookEventName": PERMISSION_REQUEST, "decision": decision}}


AGENTS: Final[dict[str, Answer]] = {"claude-code": claude_code, "codex": codex}
"""The agents whose hooks are understood, by the name that the command takes."""
