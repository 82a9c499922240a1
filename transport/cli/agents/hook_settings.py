"""What to write into an agent's settings, so that each of its calls is judged by one hall, and none passes unjudged."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any, Final

from transport import hooks
from transport.cli.agents import hook_start

FAILED: Final = "{ echo 'moothall: the hook could not run, so nothing may be done' >&2; exit 2; }"
"""What the shell does where the interpreter is gone or was killed. Codex takes exit code 2 for a refusal only with a
word on stderr; every agent lets a call pass on most other codes."""

MARGIN_S: Final = 20
"""How much longer than its own deadline an agent waits for a hook, in seconds: one that is cut off lets calls pass."""

ASKING: Final = frozenset({"PreToolUse", "BeforeTool"})
"""The events that ask; the others tell what happened."""

_AROUND: Final = dict.fromkeys(("SessionStart", "SubagentStart", "SubagentStop", "Stop", "SessionEnd"))
_EVENTS: Final[dict[str, dict[str, str | None]]] = {
    "claude-code": {"PreToolUse": "*", "PostToolUse": "*", "PostToolUseFailure": "*", **_AROUND},
    "codex": {"PreToolUse": ".*", "PostToolUse": ".*", **_AROUND},
    "gemini": {"BeforeTool": ".*", "AfterTool": ".*", "SessionStart": None, "SessionEnd": None},
}
"""Which events each agent tells of, and the tools that each is for, by the agent's own pattern."""


def hook_words(agent: str, hall_id: str, wait_s: int = 0) -> list[str]:
    """Return the words of an agent's hook: isolated from the workspace, and bound to one hall.

    Args:
        agent: Whose hook it is.
        hall_id: The hall's id.
        wait_s: How long it waits for a decision, in seconds.
    """
    waiting = ["--wait", str(wait_s)] if wait_s else []
    return [sys.executable, "-I", "-S", str(Path(hook_start.__file__).resolve()), agent, "--hall", hall_id, *waiting]


def hook_line(agent: str, hall_id: str, wait_s: int = 0) -> str:
    """Return an agent's hook as a line for the shell, which refuses where the hook cannot even start."""
    return _for_its_shell(agent, f"{shlex.join(hook_words(agent, hall_id, wait_s))} || {FAILED}")


def told_line(agent: str, hall_id: str) -> str:
    """Return the line for events that are told after the fact: what ends a session or a turn is never held up."""
    return _for_its_shell(agent, f"{shlex.join(hook_words(agent, hall_id))} || true")


def _for_its_shell(agent: str, line: str) -> str:
    """Codex runs hooks by the user's own shell: fish does not know this line, and Codex lets pass what it then says."""
    return shlex.join(["/bin/sh", "-c", line]) if agent == "codex" else line


def hook_settings(agent: str, hall_id: str, wait_s: int = 0) -> str:
    """Return what goes into an agent's settings file: JSON, or for OpenCode the plugin."""
    line, limit_s = hook_line(agent, hall_id, wait_s), wait_s + MARGIN_S + 10
    if agent == "opencode":
        plugin = Path(hooks.__file__).with_name("opencode_plugin.js").read_text(encoding="utf-8")
        words = json.dumps(hook_words(agent, hall_id, wait_s))
        return plugin.replace('["PYTHON", "-I", "-S", "HOOK_START", "opencode", "--hall", "ID"]', words).replace(
            "LIMIT_MS = 30_000", f"LIMIT_MS = {limit_s}_000"
        )
    if agent == "cursor":
        entry = {"command": line, "timeout": limit_s, "failClosed": True}
        return _json({"version": 1, "hooks": {"preToolUse": [entry]}})
    hook: dict[str, Any] = {"type": "command", "command": line, "timeout": limit_s}
    if agent == "gemini":
        hook = {"name": "moothall", **hook, "timeout": limit_s * 1000}
    if agent == "claude-code":
        hook["onFailure"] = "block"
    told = {name: value for name, value in hook.items() if name != "onFailure"} | {"command": told_line(agent, hall_id)}
    events = {
        event: [{**({} if matcher is None else {"matcher": matcher}), "hooks": [hook if event in ASKING else told]}]
        for event, matcher in _EVENTS[agent].items()
    }
    return _json({"hooks": events})


def _json(settings: dict[str, Any]) -> str:
    return json.dumps(settings, indent=2)
