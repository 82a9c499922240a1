"""What is stored of an agent's requests counts against its bytes; without any left its verdicts are kept in short."""

from __future__ import annotations

import msgspec
import pytest
import trio

from actors.desk.gate import Call, Caller
from actors.session.messages import Principal
from actors.speed_layer.approvals.approval_events import APPROVALS_STREAM
from actors.speed_layer.audit.buffer import AUDIT_STREAM, FLUSH_S
from actors.speed_layer.audit.verdict_events import HEAD
from actors.speed_layer.policy.engine import Policy, PolicySource, packs
from actors.speed_layer.written.log_notes import FILES_TAG

BYTES = 100_000
"""How many bytes an agent has in a day here."""

CWD = "/home/dev/project"
DURABLE = '[[tool]]\nid = "mine.deploy"\nreason = "r"\nverdict = "allow"\ntools = ["deploy"]\naudit = "durable"\n'


@pytest.fixture
async def small_world(make_world):
    world = make_world(append_bytes_per_day=BYTES)
    world.hall._policy = Policy.load([*packs(), PolicySource("mine.toml", DURABLE)], check_examples=False)
    async with world.open():
        yield world


def stored(world, stream, caller):
    events = [event for event in world.log.read() if event.stream == stream]
    return [event.data for event in events if event.data.get("agent") == caller.principal.agent]


def long_line(n, secret="x"):
    return Call("Bash", {"command": f"ls --token hunter2 file-{n}-{secret * 3000}"}, CWD)


async def ask(world, caller, *calls):
    verdicts = [verdict for call in calls for verdict in await world.gate.validate(caller, [call])]
    await trio.sleep(4 * FLUSH_S)
    return verdicts


async def test_of_an_agent_without_bytes_left_the_audit_keeps_the_hash_the_tool_and_the_head_of_the_command(
    autojump_clock, small_world, scout, rover
):
    given = await ask(small_world, scout, *(long_line(n) for n in range(100)))
    kept = stored(small_world, AUDIT_STREAM, scout)
    assert [each["request"] for each in kept] == [verdict.request for verdict in given]
    assert {verdict.verdict for verdict in given} == {kept[0]["verdict"]}
    whole = [each for each in kept if "input" in each]
    short = [each for each in kept if "input" not in each]
    assert BYTES * 0.7 < sum(len(msgspec.msgpack.encode(each["input"])) for each in whole) < BYTES
    assert {(each["tool"], each["cwd"], "whole" in each) for each in short} == {("Bash", None, False)}
    assert all(each["head"].startswith("ls --token MASKED file-") for each in short)
    assert {len(each["head"]) for each in short} == {HEAD}
    await ask(small_world, rover, long_line(200))
    assert "input" in stored(small_world, AUDIT_STREAM, rover)[0]  # whose bytes are its own


async def test_an_agents_bytes_come_again_over_the_day(autojump_clock, small_world, scout):
    await ask(small_world, scout, *(long_line(n) for n in range(40)))
    await trio.sleep(86_400)
    await ask(small_world, scout, long_line(40))
    kept = ["input" in each for each in stored(small_world, AUDIT_STREAM, scout)]
    assert (kept[-2], kept[-1]) == (False, True)


async def test_an_input_that_was_kept_in_short_is_referred_to_by_nothing(autojump_clock, small_world, scout, rover):
    await ask(small_world, scout, *(long_line(n) for n in range(40)))
    await small_world.gate.validate(scout, [long_line(99), long_line(99)])
    await ask(small_world, rover, long_line(99), long_line(99))
    assert ["input_at" in each for each in stored(small_world, AUDIT_STREAM, scout)[-2:]] == [False, False]
    assert ["input" in each for each in stored(small_world, AUDIT_STREAM, rover)] == [True, False]


async def test_admins_have_no_limit(autojump_clock, small_world):
    chief = Caller(Principal("chief", "admin"), 9)
    await ask(small_world, chief, *(long_line(n) for n in range(60)))
    assert all("input" in each for each in stored(small_world, AUDIT_STREAM, chief))


async def test_verdicts_of_durable_rules_count_too_and_are_given_as_before(autojump_clock, small_world, scout):
    given = await ask(small_world, scout, *(Call("deploy", {"n": n, "text": "x" * 3000}, CWD) for n in range(60)))
    assert {verdict.verdict for verdict in given} == {"allow"}
    kept = ["input" in each for each in stored(small_world, AUDIT_STREAM, scout)]
    assert (len(kept), kept[0], kept[-1]) == (60, True, False)


async def test_an_approval_is_refused_where_its_agent_has_no_bytes_left_and_says_so(
    autojump_clock, small_world, scout, rover
):
    calls = [Call("frob", {"n": n, "text": "x" * 20_000}, CWD) for n in range(10)]
    given = await ask(small_world, scout, *calls)
    assert {verdict.verdict for verdict in given} == {"ask"}
    opened = [verdict for verdict in given if verdict.approval is not None]
    assert 0 < len(opened) < 5
    assert f"nobody is asked to decide, since agent 'scout' has appended as much as it may, {BYTES} bytes a day" in (
        given[-1].reason
    )
    asked = [event for event in small_world.log.read() if event.stream == APPROVALS_STREAM]
    assert sum(len(event.data["action"]) for event in asked) < BYTES
    (other,) = await ask(small_world, rover, calls[-1])
    assert other.approval is not None


async def test_of_an_agent_without_bytes_left_the_audit_says_that_files_were_written(
    autojump_clock, small_world, scout
):
    await ask(small_world, scout, *(long_line(n) for n in range(100)))
    (verdict,) = await ask(small_world, scout, Call("Write", {"file_path": f"{CWD}/a.txt", "content": "a"}, CWD))
    last = stored(small_world, AUDIT_STREAM, scout)[-1]
    assert (verdict.verdict, "input" in last, last["writes"]) == ("allow", False, None)
    (event,) = [each for each in small_world.log.read() if each.data == last]
    assert event.tags == (FILES_TAG,)  # so that a restart finds it
