"""What an agent has written is asked about whatever audience it asks as; who is told apart shares no files either."""

from __future__ import annotations

import hashlib

import pytest
import trio

from actors.desk.gate import Call, Caller
from actors.session.messages import Principal
from actors.speed_layer.audit.verdict_events import VERDICT_GIVEN
from actors.speed_layer.written.written_files import RULE

CWD = "/home/dev/project"
CHIEF = Caller(Principal("chief", "admin"), 90)
SAGE = Caller(Principal("sage", "expert"), 91)
PLAIN = Caller(Principal("plain", "agent"), 1)
SHIP = Caller(Principal("ship", "agent", ("deploy",)), 2)
SHIP_TOO = Caller(Principal("ship-too", "agent", ("deploy",)), 3)
SHIP_UNLABELLED = Caller(Principal("ship", "agent"), 4)
RUN = Call("Bash", {"command": "sh build.sh"}, CWD)
WRITE = Call("Write", {"file_path": "build.sh", "content": "make\n"}, CWD)

SPOKEN_OF = """
[[tool]]
id = "mine.else"
reason = "something else"
verdict = "ask"
tools = ["something-else"]
labels = ["deploy"]
"""
GEN = """
[[command]]
id = "mine.gen"
reason = "makes what it is told to"
verdict = "allow"
argv = ["gen"]
args = "write*"
labels = ["deploy"]

[[command]]
id = "mine.plain"
reason = "for this one a name is a word"
verdict = "allow"
argv = ["gen"]
args = "any*"
agents = ["plain"]
"""


async def ask(world, caller, call=RUN, wait_s=0.0):
    (verdict,) = await world.gate.validate(caller, [call], wait_s)
    await trio.sleep(0.1)  # until the cache has what was told it
    return verdict


async def activate(world, text):
    await world.gate.activate_policy(CHIEF, "mine.toml", text, hashlib.sha256(text.encode()).hexdigest(), "project")


@pytest.mark.parametrize(("writer", "runner"), [(SHIP, SHIP_UNLABELLED), (SHIP_UNLABELLED, SHIP), (SHIP, SHIP)])
async def test_what_an_agent_wrote_is_asked_about_whatever_labels_it_had_and_has(autojump_clock, world, writer, runner):
    await activate(world, SPOKEN_OF)
    for other in (PLAIN, SHIP_TOO):  # both audiences have the verdict at hand
        assert (await ask(world, other)).verdict == "allow"
    assert (await ask(world, writer, WRITE)).verdict == "allow"
    with pytest.raises(trio.WouldBlock):
        world.gate.validate_nowait(runner, [RUN])
    verdict = await ask(world, runner)
    assert (verdict.verdict, verdict.rule) == ("ask", RULE)
    explained, _ = await world.gate.explain(runner, RUN)
    assert (explained.verdict, explained.rule) == ("ask", RULE)
    assert [(await ask(world, other)).verdict for other in (PLAIN, SHIP_TOO)] == ["allow", "allow"]


@pytest.mark.parametrize("other", [PLAIN, SHIP_TOO])
async def test_what_a_request_writes_is_what_the_rules_for_its_own_audience_say(autojump_clock, world, other):
    await activate(world, GEN)
    made = Call("Bash", {"command": "gen build.sh && echo a > notes.md"}, CWD)
    for caller in (SHIP, other):
        assert (await ask(world, caller, made)).verdict == "allow"
    written = await ask(world, Caller(Principal("ship-three", "agent", ("deploy",)), 5), made)
    assert (written.verdict, written.cached) == ("allow", True)
    for caller, wanted in ((Caller(Principal("ship-three", "agent", ("deploy",)), 5), "ask"), (PLAIN, "allow")):
        assert (await ask(world, caller)).verdict == wanted


async def test_a_policy_that_parts_who_waits_to_run_what_they_wrote_leaves_each_file_to_its_own_decision(
    autojump_clock, world
):
    given = {}

    async def wait(caller):
        given[caller.principal.agent] = await ask(world, caller, wait_s=600.0)

    for caller in (PLAIN, SHIP):
        await ask(world, caller, WRITE)
    async with trio.open_nursery() as nursery:
        for caller in (PLAIN, SHIP):
            nursery.start_soon(wait, caller)
            await trio.sleep(1.0)
        assert [each.rule for each in (await world.gate.pending_approvals(SAGE)).approvals] == [RULE]
        await activate(world, SPOKEN_OF)
        await trio.sleep(1.0)
        assert not given
        listed = {each.agent: each for each in (await world.gate.pending_approvals(SAGE)).approvals}
        assert {name: each.rule for name, each in listed.items()} == {"plain": RULE, "ship": RULE}
        await world.gate.decide(SAGE, listed["ship"].id, "allow")
        await world.gate.decide(SAGE, listed["plain"].id, "deny")
    assert {name: verdict.verdict for name, verdict in given.items()} == {"ship": "allow", "plain": "deny"}
    assert [(await ask(world, each)).verdict for each in (SHIP, PLAIN)] == ["allow", "ask"]


async def test_the_log_says_of_a_verdict_both_the_labels_of_who_asked_and_what_is_written(autojump_clock, world):
    durable = GEN.replace('args = "write*"', 'args = "write*"\naudit = "durable"')
    redirected, made = (Call("Bash", {"command": line}, CWD) for line in ("echo make > build.sh", "gen build.sh"))
    for text, call in ((SPOKEN_OF, WRITE), (SPOKEN_OF, redirected), (durable, made)):
        await activate(world, text)
        await ask(world, SHIP, call)
        await trio.sleep(5.0)
        data = [event.data for event in world.log.read() if event.type == VERDICT_GIVEN][-1]
        assert (data["labels"], data["writes"]) == (["deploy"], [f"{CWD}/build.sh"])
