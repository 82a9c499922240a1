"""What the hooks of all agents tell: which events are questions, which are told after the fact. Pure."""

from __future__ import annotations

from transport.discovery.light_tuple import NamedTuple
from transport.hooks.hook_answer import LONGEST_ID, event_name, members

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Any, Final

TOLD: Final = {
    "posttooluse": "moothall.tool.ran",
    "posttoolusefailure": "moothall.tool.ran",
    "aftertool": "moothall.tool.ran",
    "sessionstart": "moothall.session.started",
    "sessionend": "moothall.session.ended",
    "subagentstart": "moothall.subagent.started",
    "subagentstop": "moothall.subagent.stopped",
    "stop": "moothall.turn.ended",
}
"""The events that ask nothing, by their names in small letters, and the types under which they are recorded."""

FAILURE: Final = "posttoolusefailure"


class Happened(NamedTuple):
    """What a hook tells after the fact.

    Attributes:
        type: The type of the event in the log.
        tool: The tool that ran; empty where none did.
        failed: Whether it ended in an error.
        cwd: Where the agent stands.
        mode: What the client does with questions, in its own words.
        source: How a session began, why it ended, or which kind of subagent it is, in the agent's own words.
    """

    type: str
    tool: str = ""
    failed: bool = False
    cwd: str | None = None
    mode: str | None = None
    source: str | None = None


def is_told(event: Any) -> bool:
    """Say whether a hook tells of what happened, and asks nothing."""
    return event_name(event).casefold() in TOLD


def failed(event: dict[str, Any]) -> bool:
    """Say whether what a tool gave back is an error."""
    response = members(event.get("tool_response")) or {}
    return bool(response.get("error") or response.get("is_error"))


def happened(event: dict[str, Any]) -> Happened:
    """Return what a hook tells after the fact; see `is_told`."""
    name = event_name(event).casefold()
    source = _text(event, "source") or _text(event, "reason") or _text(event, "agent_type")
    return Happened(
        TOLD[name],
        _text(event, "tool_name") or "",
        failed=name == FAILURE or failed(event),
        cwd=_text(event, "cwd"),
        mode=_text(event, "permission_mode"),
        source=source,
    )


def _text(event: dict[str, Any], name: str) -> str | None:
    said = event.get(name)
    return said[:LONGEST_ID] if isinstance(said, str) else None
