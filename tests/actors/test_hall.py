"""The whole tree under a mock clock: all actors, the in-memory log, no sockets, no sleeping."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trio

from actors.cache.actor import Cache
from actors.desk.gate import Call, Refusal
from actors.event_store.actor import EventStore
from actors.kernel import Unrecoverable, contains
from actors.monitor.actor import Monitor
from actors.session.actor import Session
from actors.speed_layer.actor import SpeedLayer
from store import Append, NewEvent, Query, SyncFailed

LIST = Call("Bash", {"command": "ls -la"}, "/home/dev/project")
WIPE = Call("Bash", {"command": "rm -rf /"}, "/home/dev/project")
UNKNOWN = Call("frobnicate", {"x": 1}, "/home/dev/project")


def note(agent, n, **options):
    return Append(events=[NewEvent(type="note", data={"n": n})], agent=agent, **options)


async def test_what_an_agent_appends_another_can_read(autojump_clock, world, scout, rover):
    appended = await world.gate.append_events(scout, note("scout", 1, stream="tasks"))
    page = await world.gate.query_events(rover, Query(stream="tasks"))
    assert [(event.sequence, event.agent, event.data) for event in page.events] == [
        (appended.first_sequence, "scout", {"n": 1})
    ]


async def test_events_of_an_agent_go_to_its_own_stream_by_default(autojump_clock, world, scout):
    appended = await world.gate.append_events(scout, note("scout", 1))
    assert appended.revisions == {"agent/scout": 1}


async def test_a_stale_expected_revision_is_refused_with_the_actual_one(autojump_clock, world, scout):
    await world.gate.append_events(scout, note("scout", 1, stream="tasks"))
    with pytest.raises(Refusal) as caught:
        await world.gate.append_events(scout, note("scout", 2, stream="tasks", expected_revision="no_stream"))
    assert (caught.value.code, caught.value.detail["actual"]) == ("revision_conflict", 1)


async def test_a_repeated_command_is_stored_once(autojump_clock, world, scout):
    first = await world.gate.append_events(scout, note("scout", 1, command_id="c1"))
    again = await world.gate.append_events(scout, note("scout", 1, command_id="c1"))
    assert (again.deduplicated, again.first_sequence) == (True, first.first_sequence)


async def test_a_write_to_another_agents_stream_is_forbidden_and_stores_nothing(autojump_clock, world, scout):
    with pytest.raises(Refusal) as caught:
        await world.gate.append_events(scout, note("scout", 1, stream="agent/rover"))
    assert caught.value.code == "forbidden"
    assert (await world.gate.query_events(scout, Query(types=("note",)))).events == []


async def test_verdicts_come_in_the_order_of_the_calls(autojump_clock, world, scout):
    verdicts = await world.gate.validate(scout, [LIST, WIPE, UNKNOWN, LIST])
    assert [each.verdict for each in verdicts] == ["allow", "deny", "ask", "allow"]
    assert all(each.reason and each.policy for each in verdicts)


async def test_a_verdict_is_cached_for_everybody_of_the_same_role(autojump_clock, world, scout, rover):
    first = await world.gate.validate(scout, [LIST])
    await trio.testing.wait_all_tasks_blocked()
    second = await world.gate.validate(rover, [LIST])
    assert [first[0].cached, second[0].cached] == [False, True]
    assert (first[0].verdict, first[0].rule, first[0].request) == (
        second[0].verdict,
        second[0].rule,
        second[0].request,
    )


async def test_an_undecided_request_is_never_cached(autojump_clock, world, scout):
    for _ in range(2):
        (verdict,) = await world.gate.validate(scout, [UNKNOWN])
        await trio.testing.wait_all_tasks_blocked()
        assert (verdict.verdict, verdict.cached) == ("ask", False)


async def test_a_query_waits_for_its_first_match(autojump_clock, world, scout, rover):
    pages = []

    async def follow():
        pages.append(await world.gate.query_events(rover, Query(types=("note",)), wait_s=30.0))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        await trio.sleep(10.0)
        await world.gate.append_events(scout, Append(events=[NewEvent(type="other")], agent="scout"))
        await trio.sleep(10.0)
        assert pages == []
        await world.gate.append_events(scout, note("scout", 7))
        await trio.testing.wait_all_tasks_blocked()
        assert [event.data for event in pages[0].events] == [{"n": 7}]


async def test_a_query_whose_match_never_comes_returns_an_empty_page_in_time(autojump_clock, world, scout):
    began = trio.current_time()
    page = await world.gate.query_events(scout, Query(types=("never",)), wait_s=3.0)
    assert page.events == []
    assert trio.current_time() - began == pytest.approx(3.0)


async def test_a_session_begins_and_ends_in_the_log_and_outlives_a_reconnect(autojump_clock, make_world, scout):
    world = make_world(session_idle_s=10.0)
    async with world.open():
        first = await world.gate.whoami(scout)
        world.gate.disconnected(scout)
        await trio.sleep(5.0)
        assert (await world.gate.whoami(scout)).session == first.session
        world.gate.disconnected(scout)
        await trio.sleep(30.0)
        events = world.log.query(stream="moothall/sessions").events
        assert [event.type for event in events] == ["moothall.session.started", "moothall.session.ended"]
        assert events[1].data["counters"]["read"] == 2
        assert (await world.gate.whoami(scout)).session != first.session


async def test_a_rate_limit_is_shared_by_an_agents_connections_and_survives_a_reconnect(
    autojump_clock, make_world, limits_of, scout
):
    async with make_world(limits=limits_of(1.0, 3)).open() as world:
        second_connection = scout._replace(connection=9)
        for caller in (scout, second_connection, scout):
            await world.gate.whoami(caller)
        world.gate.disconnected(scout)
        world.gate.disconnected(second_connection)
        with pytest.raises(Refusal) as caught:
            await world.gate.whoami(scout)
        assert caught.value.code == "rate_limited"
        await trio.sleep(caught.value.detail["retry_after_s"] + 0.01)
        await world.gate.whoami(scout)


async def test_many_agents_that_come_at_once_share_one_session_each(autojump_clock, world, scout):
    sessions = set()

    async def arrive(connection):
        sessions.add((await world.gate.whoami(scout._replace(connection=connection))).session)

    async with trio.open_nursery() as nursery:
        for connection in range(50):
            nursery.start_soon(arrive, connection)
    assert len(sessions) == 1
    assert world.system.supervisors["sessions"].children() == ["session:scout/agent"]


async def test_appends_that_queue_are_committed_as_one_group(autojump_clock, make_world, scout):
    groups = []

    async def slow_disk(function):
        await trio.sleep(0.1)
        return function()

    world = make_world(run_sync=slow_disk)
    async with world.open():
        await world.gate.whoami(scout)
        stage = world.log.steps.stage

        def counting(appends, cleared):
            groups.append(len(appends))
            return stage(appends, cleared)

        world.log.steps.stage = counting
        async with trio.open_nursery() as nursery:
            for n in range(50):
                nursery.start_soon(world.gate.append_events, scout, note("scout", n))
    assert groups[0] == 50


async def test_health_tells_the_watermark_and_every_component(autojump_clock, world, scout):
    await world.gate.append_events(scout, note("scout", 1))
    await trio.sleep(2.0)
    health = world.gate.health()
    assert (health.status, health.sequence, health.sessions) == ("ok", world.log.head, 1)
    assert set(health.components) == {"event_store", "cache", "speed_layer", "monitor"}


async def test_health_tells_of_trouble_before_the_hall_as_long_as_it_lasts(autojump_clock, world):
    for why, status in (("they are gone", "degraded"), ("", "ok")):
        world.hall.views.tell_trouble("local_sockets", why)
        await trio.sleep(2.0)
        health = world.gate.health()
        detail = health.components["local_sockets"].detail if "local_sockets" in health.components else ""
        assert (health.status, detail) == (status, why)


async def test_the_policy_that_governs_is_recorded_once_for_each_version(autojump_clock, make_world):
    world = make_world()
    for _ in range(2):
        async with world.open():
            await trio.sleep(1.0)
        world = make_world(log=world.log)
    events = world.log.query(stream="moothall/policy").events
    assert [event.type for event in events] == ["moothall.policy.activated"]


async def test_a_disk_that_fails_to_sync_ends_the_tree_and_acknowledges_nothing(autojump_clock, make_world, scout):
    world = make_world()

    def broken(staged):
        raise SyncFailed("the disk did not confirm")

    acknowledged = []
    with pytest.raises(ExceptionGroup) as caught:
        async with world.open():
            await world.gate.whoami(scout)
            world.log.steps.flush = broken
            acknowledged.append(await world.gate.append_events(scout, note("scout", 1)))
    assert contains(caught.value, Unrecoverable)
    assert acknowledged == []


def test_the_architecture_page_says_what_a_full_mailbox_does():
    page = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
    said = dict(re.findall(r"^\| ([a-z_, ]+) \| the (sender is refused|oldest message is dropped)", page, re.MULTILINE))
    by_actor = {name: what for names, what in said.items() for name in names.split(", ")}
    kinds = {
        "event_store": EventStore,
        "speed_layer": SpeedLayer,
        "session": Session,
        "cache": Cache,
        "monitor": Monitor,
    }
    words = {"reject": "sender is refused", "drop_oldest": "oldest message is dropped"}
    assert by_actor == {name: words[kind.overflow] for name, kind in kinds.items()}
