"""What a hook tells after the fact, and what of it the hall keeps."""

from __future__ import annotations

import pytest

from transport.hooks.hook_answer import LONGEST_ID
from transport.hooks.hook_event import TOLD, Happened, failed, happened, is_told


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"error": "exit 1"}, True),
        ({"is_error": True}, True),
        ({"error": "", "is_error": False}, False),
        ({"stdout": "error"}, False),
        ("error", False),
        (None, False),
    ],
)
@pytest.mark.parametrize("name", ["PostToolUse", "AfterTool"])
def test_a_tool_has_failed_where_any_field_says_so(name, response, expected):
    event = {"hook_event_name": name, "tool_name": "Bash", "tool_response": response}
    assert failed(event) == expected
    assert happened(event) == Happened("moothall.tool.ran", "Bash", failed=expected)


def test_the_event_of_a_failure_is_one_whatever_it_holds():
    assert happened({"hook_event_name": "PostToolUseFailure", "tool_response": {"is_error": False}}).failed


@pytest.mark.parametrize("field", ["source", "reason", "agent_type"])
def test_how_a_session_began_or_ended_is_kept_in_the_agents_words_cut_and_never_as_another_type(field):
    event = {"hook_event_name": "SessionStart", "cwd": "/w", "permission_mode": "plan", field: "x" * 2 * LONGEST_ID}
    told = happened(event)
    assert told == Happened("moothall.session.started", cwd="/w", mode="plan", source="x" * LONGEST_ID)
    assert happened({"hook_event_name": "SessionStart", "cwd": 3, field: ["x"]}) == Happened("moothall.session.started")


def test_a_question_is_not_told():
    assert all(is_told({"hook_event_name": name.upper()}) for name in TOLD)
    assert not any(is_told({"hook_event_name": name}) for name in ("PreToolUse", "PermissionRequest", "", "tool"))
