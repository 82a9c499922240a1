"""What hooks say of who calls, and of what happened, is in the log; what nobody waits for takes no approval's place."""

from __future__ import annotations

import msgspec
import pytest
import trio

from actors.desk.gate import Call, Caller
from actors.desk.hook_events import MOST_REMEMBERED, TOOL_RAN
from actors.session.messages import Principal
from actors.speed_layer.approvals.room import MAX_PENDING_OF_AN_AGENT
from actors.speed_layer.audit.verdict_events import VERDICT_GIVEN
from actors.speed_layer.call_and_verdict import Origin

SCOUT = Caller(Principal("scout", "agent"), 1)
SAGE = Caller(Principal("sage", "expert"), 2)


ORIGIN = ("session_id", "agent_id", "tool_use_id")


def deploy(number=0, origin=None):
    return Call("deploy", {"to": number}, "/home/dev/project", origin=origin)


def call_of(session="s1", call="t1", subagent=None):
    return Origin(session, subagent, call)


async def ask(world, call, wait_s=0.0):
    (verdict,) = await world.gate.validate(SCOUT, [call], wait_s)
    return verdict


def events(world, event_type):
    return [event.data for event in world.log.read() if event.type == event_type]


async def ran(world, origin, mode="default"):
    await world.gate.hooks.tool_ran(SCOUT, "deploy", origin, failed=False, cwd="/home/dev/project", mode=mode)
    return events(world, TOOL_RAN)[-1]


@pytest.mark.parametrize("call", [Call("Read", {"file_path": "/home/dev/project/a"}, "/home/dev/project"), deploy()])
async def test_verdict_events_tell_sessions_and_subagents_apart(autojump_clock, world, call):
    for origin in (call_of("s1", "t1"), call_of("s1", "t2", "sub"), call_of("s2", "t3"), None):
        await ask(world, msgspec.structs.replace(call, origin=origin))
    await trio.sleep(1)
    told = [tuple(data.get(name) for name in ORIGIN) for data in events(world, VERDICT_GIVEN)]
    assert told == [("s1", None, "t1"), ("s1", "sub", "t2"), ("s2", None, "t3"), (None, None, None)]


async def test_asks_of_hooks_that_nobody_waits_for_open_no_approval_and_shut_no_door(autojump_clock, world):
    for number in range(MAX_PENDING_OF_AN_AGENT + 1):
        verdict = await ask(world, deploy(number, call_of(call=f"t{number}")))
        assert (verdict.verdict, verdict.approval) == ("ask", None)
    assert (await world.gate.pending_approvals(SAGE)).approvals == []
    assert (await ask(world, deploy(origin=call_of()), wait_s=5)).approval is not None
    assert (await ask(world, deploy(1))).approval is not None
    assert (await ask(world, deploy(2, call_of(call="meanwhile")))).approval is None  # while others are pending, too
    assert (await ask(world, deploy(1, call_of(call="later")))).approval is not None  # it joins the one that is pending


async def test_what_ran_after_an_ask_is_recorded_as_the_persons_decision_and_where_they_took_it(autojump_clock, world):
    await ask(world, deploy(origin=call_of()))
    told = await ran(world, call_of())
    assert (told["verdict"], told["allowed_by"]) == ("ask", "the person at the client of scout")
    assert (told["session_id"], told["tool_use_id"], told["allowed_in"]) == ("s1", "t1", "/home/dev/project")
    again = await ran(world, call_of())
    assert (again["verdict"], "allowed_by" in again) == (None, False)


async def test_a_mode_that_asks_nobody_is_nobodys_decision(autojump_clock, world):
    await ask(world, deploy(origin=call_of()))
    assert "allowed_by" not in await ran(world, call_of(), mode="bypassPermissions")


async def test_a_yes_at_the_client_closes_the_approval_that_waits_for_this_agent(autojump_clock, world):
    verdict = await ask(world, deploy(origin=call_of()), wait_s=5)
    assert verdict.approval.state == "pending"
    assert (await ran(world, call_of()))["approval"] == verdict.approval.id
    assert (await world.gate.pending_approvals(SAGE)).approvals == []
    answered = events(world, "moothall.approval.answered")
    assert [(each["agent"], each["decision"]) for each in answered] == [("scout", "allow")]


async def test_nobody_closes_what_another_agent_was_asked(autojump_clock, world):
    verdict = await ask(world, deploy(origin=call_of()), wait_s=5)
    other = Caller(Principal("bob", "agent"), 3)
    await world.gate.hooks.tool_ran(other, "deploy", call_of(), failed=False, cwd=None, mode=None)
    assert [each.id for each in (await world.gate.pending_approvals(SAGE)).approvals] == [verdict.approval.id]


async def test_what_runs_although_it_was_denied_is_seen_in_the_log(autojump_clock, world):
    await ask(world, Call("Bash", {"command": "rm -rf /"}, "/home/dev/project", origin=call_of()))
    assert (await ran(world, call_of()))["verdict"] == "deny"


async def test_calls_whose_tools_never_ran_are_forgotten_the_oldest_first(autojump_clock, world):
    verdict = await ask(world, deploy(origin=call_of(call="first")))
    for number in range(MOST_REMEMBERED):
        world.gate.hooks.remember("scout", call_of(call=f"t{number}"), verdict)
    assert (await ran(world, call_of(call="first")))["verdict"] is None
    assert (await ran(world, call_of(call="t0")))["verdict"] == "ask"


async def test_a_session_that_begins_or_ends_is_in_the_log(autojump_clock, world):
    origin = Origin("s1", "sub")
    await world.gate.hooks.told(SCOUT, "moothall.subagent.started", origin, {"source": "explorer"})
    (told,) = events(world, "moothall.subagent.started")
    assert (told["agent"], told["session_id"], told["agent_id"], told["source"]) == ("scout", "s1", "sub", "explorer")
