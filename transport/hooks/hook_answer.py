"""What the hooks of all agents share: the question to the hall, its answer, and the output of a `PreToolUse` hook."""

from __future__ import annotations

from transport.discovery.light_tuple import NamedTuple

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, Literal

    Decision = Literal["allow", "deny", "ask"]
    Answer = Callable[[str, "Judgement"], dict[str, Any] | None]
    """Returns a judgement as an agent's hook prints it, given the name of the hook's event; None prints nothing."""

PRE_TOOL_USE: Final = "PreToolUse"
ORIGIN: Final = ("session_id", "agent_id", "tool_use_id")
"""What hooks say of who calls below the principal."""

LONGEST_ID: Final = 256
"""How many characters of such a name are passed on."""

MOST_SHOWN: Final = 16 * 1024
"""How many characters of a call stand in a question: the longest line that the policy reads."""

SHELL_KEYS: Final = frozenset({"command", "description", "timeout", "run_in_background"})
"""What may stand beside a line and changes nothing of what it does."""

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


def question(event: Any) -> dict[str, Any]:
    """Return what to ask the hall about a hook's event: the body of `POST /v1/validate`.

    Raises:
        Unusable: The event does not tell of a tool that is about to be used.
    """
    fields = members(event)
    if fields is None:
        raise Unusable("the hook was not given a JSON object")
    tool, arguments, cwd = fields.get("tool_name"), fields.get("tool_input"), fields.get("cwd")
    if not isinstance(tool, str) or not isinstance(arguments, dict):
        raise Unusable("`tool_name` or `tool_input` is missing: this hook is for PreToolUse")
    asked: dict[str, Any] = {"tool": tool, "input": arguments, "origin": origin(fields)}
    return {**asked, "cwd": cwd} if isinstance(cwd, str) else asked


def origin(fields: dict[str, Any]) -> dict[str, str]:
    """Return who calls below the principal, as far as the hook says: `session_id`, `agent_id` and `tool_use_id`."""
    return {name: said[:LONGEST_ID] for name in ORIGIN if isinstance(said := fields.get(name), str) and said}


def event_name(event: Any) -> str:
    """Return which event a hook was called for; `PreToolUse` where it does not say."""
    name = (members(event) or {}).get("hook_event_name")
    return name if isinstance(name, str) else PRE_TOOL_USE


def judgement(status: int, answer: Any) -> Judgement:
    """Return the verdict that the hall has answered.

    Args:
        status: The HTTP status.
        answer: The decoded body.

    Raises:
        Unusable: It is not a verdict.
    """
    fields = members(answer) or {}
    if status != 200:  # noqa: PLR2004 - HTTP's own number
        error = fields.get("error")
        raise Unusable(f"the hall answered HTTP {status}: {error if error is not None else answer}")
    verdict, reason, rule = fields.get("verdict"), fields.get("reason"), fields.get("rule")
    if verdict not in {"allow", "deny", "ask"} or not isinstance(reason, str):
        raise Unusable("the hall's answer is no verdict")
    said = f"{reason} (moothall: {rule})" if rule else f"{reason} (moothall)"
    approval = members(fields.get("approval")) or {}
    if verdict == "ask" and approval.get("state") == "pending":
        said += f"; `moothall approvals approve {approval.get('id')}` or `deny` decides it"
    return Judgement(verdict, said)


def asks_the_person(reason: str, agent: str) -> str:
    """Return the reason of an `ask` for an agent that cannot put questions to its person, and is refused instead."""
    return f"ask the person you work for, {agent} cannot: {reason}"


def with_the_call(judged: Judgement, event: Any) -> Judgement:
    """Return a question with all of what it is about, each character seen, so that whoever is asked need not guess.

    Of what is longer than the longest line that the policy reads, both ends are shown.
    """
    from json import dumps  # noqa: PLC0415 - before a hook starts itself anew, PYTHONPATH could name another `json`

    fields = members(event) or {}
    tool, given = fields.get("tool_name"), members(fields.get("tool_input"))
    if not isinstance(tool, str) or given is None:
        return judged
    line = given.get("command")
    asked = _seen(line, dumps) if isinstance(line, str) and given.keys() <= SHELL_KEYS else dumps(given)
    if len(asked) > MOST_SHOWN:
        end, missing = MOST_SHOWN // 2, len(asked) - MOST_SHOWN
        asked = f"{asked[:end]}... ({missing} characters are missing here) ...{asked[-end:]}"
    return Judgement(judged.decision, f"{judged.reason}\n{_seen(tool[:LONGEST_ID], dumps)}: {asked}")


def _seen(text: str, dumps: Callable[[str], str]) -> str:
    """Return a text as it is where each character of it is seen, else as a JSON string."""
    plain = text.isascii() and text.isprintable() and "  " not in text and not text.startswith('"')
    return text if plain else dumps(text)


def pre_tool_use_output(decision: Decision, reason: str) -> dict[str, Any]:
    """Return the output of a `PreToolUse` hook: Claude Code's form, which other agents took over."""
    return {
        "hookSpecificOutput": {
            "hookEventName": PRE_TOOL_USE,
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
        }
    }


def permission_request_output(judged: Judgement) -> dict[str, Any] | None:
    """Return the output of a `PermissionRequest` hook, where no output leaves the question to the person."""
    if judged.decision == "ask":
        return None
    decision = {"behavior": judged.decision, **({"message": judged.reason} if judged.decision == "deny" else {})}
    return {"hookSpecificOutput": {"hookEventName": PERMISSION_REQUEST, "decision": decision}}


def members(said: Any) -> dict[str, Any] | None:
    """Return the members of a JSON object; None where it is none."""
    return said if isinstance(said, dict) else None  # pyright: ignore[reportUnknownVariableType]
