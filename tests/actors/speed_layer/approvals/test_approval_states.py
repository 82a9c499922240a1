"""The states of approvals by themselves: what is kept of a request, and what happens at the very moment of expiry."""

from __future__ import annotations

import pytest

from actors.speed_layer.approvals.approval_events import from_event, to_event
from actors.speed_layer.approvals.approval_states import EXPIRES_NS, ApprovalRefused, Approvals
from actors.speed_layer.approvals.room import (
    MAX_ACTION_BYTES,
    MAX_BYTES_OF_AN_AGENT,
    MAX_PENDING_OF_AN_AGENT,
    Room,
)
from actors.speed_layer.policy.engine import Request, Ruling

ASK = Ruling("ask", "a test", None, False)
CWD = "/home/dev/project/src"


def opened(approvals, asked, now_ns=0):
    return approvals.request("one", asked, "hash", agent="scout", ruling=ASK, policy="p", now_ns=now_ns)


@pytest.fixture
def deploy():
    return Request("deploy", {"to": "production"}, CWD)


@pytest.mark.parametrize("workspace", [None, "/home/dev/project"])
@pytest.mark.parametrize("scripts", [None, {"deploy.sh": "0" * 64, "unread.sh": None}])
def test_what_is_decided_is_what_was_asked_with_its_scripts_and_its_workspace(scripts, workspace):
    asked = Request("deploy", {"to": "production"}, CWD, "agent", scripts=scripts, workspace=workspace)
    requested = opened(Approvals(), asked)
    restored = Approvals()
    event = to_event(requested)
    restored.apply(from_event(event.type, event.data))
    action = restored.pending["one"].action
    assert (action.tool, action.input, action.cwd, action.role) == (asked.tool, asked.input, CWD, "agent")
    assert (action.scripts, action.workspace) == (scripts, workspace)
    assert action.hashed == asked.hashed


def test_a_refusal_reads_as_its_message():
    with pytest.raises(ApprovalRefused) as caught:
        Approvals().decide("none", "allow", by="sage", reason="", remember="no", policy="p")
    assert str(caught.value) == caught.value.message == "no approval 'none' is pending; list those that are"


def test_an_approval_expires_at_its_time_and_not_a_nanosecond_before(deploy):
    approvals = Approvals()
    opened(approvals, deploy, now_ns=7)
    assert approvals.next_due_ns() == 7 + EXPIRES_NS
    assert approvals.due(6 + EXPIRES_NS) == []
    assert [expired.id for expired, _ in approvals.due(7 + EXPIRES_NS)] == ["one"]
    assert not approvals


def test_what_is_owed_is_void_at_that_time_too_whoever_comes_first(deploy):
    approvals = Approvals()
    for look in (lambda: approvals.due(EXPIRES_NS), lambda: approvals.collect("agent", "hash", "scout", EXPIRES_NS)):
        opened(approvals, deploy)
        decided = approvals.decide("one", "allow", by="sage", reason="", remember="no", policy="p")
        approvals.owe(approvals.apply(decided), set(), Ruling("allow", "go", None, False))
        assert approvals.next_due_ns() == EXPIRES_NS
        assert approvals.due(EXPIRES_NS - 1) == []
        assert approvals.owes("agent", "hash", "scout")
        assert not look()
        assert not approvals


def test_the_largest_action_and_the_last_byte_there_is_room_for_are_taken():
    room = Room()
    assert room.lacks("scout", "agent", MAX_ACTION_BYTES) == ""
    assert "too large" in room.lacks("scout", "agent", MAX_ACTION_BYTES + 1)
    for _ in range(MAX_BYTES_OF_AN_AGENT // MAX_ACTION_BYTES):
        assert room.lacks("scout", "agent", MAX_ACTION_BYTES) == ""
        room.take("scout", "agent", MAX_ACTION_BYTES)
    assert f"more than {MAX_BYTES_OF_AN_AGENT} bytes" in room.lacks("scout", "agent", 1)
    room.give_back("scout", "agent", MAX_ACTION_BYTES)
    assert room.lacks("scout", "agent", MAX_ACTION_BYTES) == ""
    assert room.lacks("scout", "agent", MAX_ACTION_BYTES + 1) != ""


def test_what_ends_makes_room_for_one_and_no_more():
    room = Room()
    for _ in range(MAX_PENDING_OF_AN_AGENT):
        room.take("scout", "agent", 1)
    for _ in range(2):
        room.give_back("scout", "agent", 1)
        assert room.lacks("scout", "agent", 1) == ""
        room.take("scout", "agent", 1)
        assert "open already" in room.lacks("scout", "agent", 1)


def test_approvals_are_numbered_from_one(deploy):
    approvals = Approvals()
    opened(approvals, deploy)
    assert approvals.pending["one"].number == 1


def test_the_first_to_expire_is_what_the_clock_is_set_by(deploy):
    approvals = Approvals()
    for name, now_ns in (("late", 50), ("early", 7), ("later", 90)):
        approvals.request(
            name, deploy, name, agent="scout", ruling=ASK, policy="p", now_ns=now_ns, spend=lambda _size: ""
        )
    assert approvals.next_due_ns() == 7 + EXPIRES_NS
    approvals.pending["early"].closed = True  # its decision is on its way to the log
    assert approvals.next_due_ns() == 50 + EXPIRES_NS
    assert [expired.id for expired, _ in approvals.due(50 + EXPIRES_NS)] == ["late"]


def test_nothing_is_counted_of_who_has_nothing_open():
    room = Room()
    for agent in ("scout", "rover"):
        room.take(agent, "agent", 7)
    room.give_back("scout", "agent", 7)
    assert set(room._opened) == set(room._bytes) == {("agent", "rover"), ("role", "agent"), ("all", "")}
    room.give_back("rover", "agent", 7)
    assert not room._opened
    assert not room._bytes
