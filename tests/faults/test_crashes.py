"""A crash in each actor: the tree recovers as drawn, callers get a clear error, nothing acknowledged is lost."""

from __future__ import annotations

import pytest
import trio

from actors.desk.gate import Call
from actors.kernel import ActorError
from actors.kernel.messages.mailbox import Envelope
from store import Append, NewEvent

LIST = Call("Bash", {"command": "ls"}, "/home/dev/project")
PERMANENT = ["event_store", "monitor", "cache", "speed_layer"]


def crash(system, name):
    """Send bytes that are no message: decoding them crashes whoever receives them."""
    system.mailboxes[name].put_nowait(Envelope(b"\xc1", None, float("inf"), trio.current_time(), "test", ""))


def incarnations(system):
    return {name: id(mailbox) for name, mailbox in system.mailboxes.items()}


RESTARTED = {
    "event_store": {"event_store", "monitor", "cache", "speed_layer", "session:scout/agent"},
    "monitor": {"monitor"},
    "cache": {"cache"},
    "speed_layer": {"speed_layer"},
    "session:scout/agent": {"session:scout/agent"},
}


@pytest.mark.parametrize("victim", RESTARTED)
async def test_a_crash_restarts_what_stands_on_the_actor_and_nothing_else(autojump_clock, world, scout, victim):
    await world.gate.validate(scout, [LIST])
    before = incarnations(world.system)
    kept = dict(world.system.mailboxes)  # keeps the ids from being used again
    crash(world.system, victim)
    await trio.sleep(5.0)
    (verdict,) = await world.gate.validate(scout, [LIST])
    assert verdict.verdict == "allow"
    after = incarnations(world.system)
    assert {name for name in before if before[name] != after[name]} == RESTARTED[victim]
    assert len(kept) == len(before)


@pytest.mark.parametrize("victim", RESTARTED)
async def test_a_crash_is_reported_once_under_the_actors_name(autojump_clock, world, scout, victim):
    await world.gate.whoami(scout)
    crash(world.system, victim)
    await trio.sleep(5.0)
    assert [name for name, _ in world.crashes] == [victim]


@pytest.mark.parametrize("victim", PERMANENT)
async def test_health_is_degraded_after_a_crash_and_heals(autojump_clock, world, victim):
    crash(world.system, victim)
    await trio.sleep(5.0)
    if victim not in {"monitor", "event_store"}:  # these take the monitor's memory with them
        assert world.gate.health().status == "degraded"
        assert "restarted after a crash" in world.gate.health().components[victim].detail
    await trio.sleep(120.0)
    assert world.gate.health().status == "ok"


@pytest.mark.parametrize("victim", RESTARTED)
async def test_nothing_acknowledged_is_lost_while_an_actor_crashes_again_and_again(
    autojump_clock, make_world, scout, victim
):
    async def disk(function):
        await trio.sleep(0.002)
        return function()

    world = make_world(run_sync=disk)
    acknowledged, errors = [], []

    async def work(number):
        for n in range(40):
            event = NewEvent(type="step", data={"worker": number, "n": n})
            try:
                appended = await world.gate.append_events(scout, Append(events=[event], agent="scout"))
            except ActorError as error:
                errors.append(error)
                await trio.sleep(0.2)
            else:
                acknowledged.append((appended.first_sequence, number, n))
                await trio.sleep(0.05)

    async with world.open():
        await world.gate.whoami(scout)
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(work, number)
            for _ in range(3):
                await trio.sleep(0.4)
                if victim in world.system.mailboxes:
                    crash(world.system, victim)
        steps = world.log.query(types=["step"], limit=1000).events
    stored = {(event.sequence, event.data["worker"], event.data["n"]) for event in steps}
    assert set(acknowledged) <= stored
    assert len(acknowledged) > 100
    assert [event.sequence for event in world.log.read()] == list(range(1, world.log.head + 1))
    if victim == "event_store":
        assert errors


async def test_a_session_that_crashes_in_a_loop_harms_nobody_else(autojump_clock, world, scout, rover):
    first = await world.gate.whoami(rover)
    for _ in range(50):
        await world.gate.whoami(scout)
        crash(world.system, "session:scout/agent")
        await trio.testing.wait_all_tasks_blocked()
    assert (await world.gate.whoami(rover)).session == first.session
    assert [name for name, _ in world.crashes] == ["session:scout/agent"] * 50
    assert world.gate.health().status == "ok"


async def test_after_any_crash_the_tree_still_stops_and_leaves_nothing_behind(autojump_clock, make_world, scout):
    for victim in RESTARTED:
        world = make_world()
        async with world.open():
            await world.gate.whoami(scout)
            crash(world.system, victim)
        assert not world.system.mailboxes
        assert not world.system.supervisors
