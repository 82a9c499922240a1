"""The hall under pressure: a disk that hangs, askers that give up, principals that come and go, crowds that wait."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
import trio

from actors.desk.gate import Call, Caller, Refusal
from actors.desk.shares import WAITS
from actors.event_store.actor import FIRST_LOOK
from actors.event_store.commit_groups import CHECKS, group_size
from actors.event_store.messages import AppendEvents
from actors.kernel import ActorError, Ref, Unrecoverable, contains, resume, suspend
from actors.kernel.messages.mailbox import Envelope
from actors.session.messages import Principal
from store import Append, FailIf, NewEvent, Query, SyncFailed


class Disk:
    """A disk that takes its time, and hangs when it is told to."""

    def __init__(self, takes_s=0.0):
        self.takes_s = takes_s
        self.free = trio.Event()
        self.free.set()

    async def __call__(self, function):
        await trio.sleep(self.takes_s)
        await self.free.wait()
        return function()

    def hang(self):
        self.free = trio.Event()


def one(agent="scout", **options):
    return Append(events=[NewEvent(type="note")], agent=agent, **options)


async def attempt(call, outcomes):
    try:
        outcomes.append(await call())
    except (ActorError, Refusal) as error:
        outcomes.append(getattr(error, "code", type(error).__name__))


def crash(system, name):
    system.mailboxes[name].put_nowait(Envelope(b"\xc1", None, float("inf"), trio.current_time(), "test", ""))


async def test_a_request_that_meets_the_end_of_an_idle_session_is_served(autojump_clock, make_world, scout):
    async with make_world(run_sync=Disk(0.01), session_idle_s=1.0).open() as world:
        first = await world.gate.whoami(scout)
        world.gate.disconnected(scout)
        while not world.system.mailboxes["session:scout/agent"].closed:  # noqa: ASYNC110 - its own clock closes it
            await trio.sleep(0.001)
        assert (await world.gate.whoami(scout)).session != first.session


async def test_a_cancelled_first_request_does_not_fail_those_of_other_connections(autojump_clock, make_world, scout):
    async with make_world(run_sync=Disk(0.01)).open() as world, trio.open_nursery() as nursery:
        outcomes = []

        async def other():
            await trio.sleep(0.001)
            await attempt(lambda: world.gate.whoami(scout._replace(connection=2)), outcomes)

        nursery.start_soon(other)
        with trio.move_on_after(0.005):
            await world.gate.whoami(scout)
        await trio.sleep(1.0)
        assert [outcome.agent for outcome in outcomes] == ["scout"]


async def test_a_token_made_anew_with_a_lower_role_has_the_lower_role_at_once(autojump_clock, world):
    await world.gate.append_events(Caller(Principal("bob", "expert"), 1), one("bob"))
    with pytest.raises(Refusal, match="may not append"):
        await world.gate.append_events(Caller(Principal("bob", "observer"), 2), one("bob"))


async def test_the_end_of_a_connection_passes_a_full_queue(autojump_clock, make_world, scout):
    async with make_world(session_idle_s=1.0).open() as world, trio.open_nursery() as nursery:
        await world.gate.whoami(scout)
        await suspend(world.system, "session:scout/agent")
        for _ in range(1500):
            nursery.start_soon(attempt, lambda: world.gate.whoami(scout), [])
        await trio.sleep(0.1)
        await resume(world.system, "session:scout/agent")
        await trio.sleep(0.1)
        world.gate.disconnected(scout)
        await trio.sleep(60.0)
        assert "session:scout/agent" not in world.system.mailboxes


async def test_appends_beyond_the_bound_are_refused_while_the_disk_hangs_and_none_is_stored_for_nobody(
    autojump_clock, make_world
):
    disk = Disk()
    async with make_world(run_sync=disk).open() as world:
        head = world.views.sequence
        disk.hang()
        outcomes = []

        async def ask():
            stored = await Ref(world.system, "event_store").ask(AppendEvents(one()))
            return "stored" if stored.appended else stored.refused.code

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                for _ in range(5000):
                    nursery.start_soon(attempt, ask, outcomes)
                await trio.sleep(6.0)
        disk.free.set()
        await trio.sleep(1.0)
        counts = Counter(outcomes)
        assert counts["unavailable"] > 5000
        assert counts["AskTimeout"] > 5000
        assert world.views.sequence - head <= 1024  # the one group that was under way


async def test_waits_that_nobody_wants_any_more_hold_no_place(autojump_clock, world, scout):
    async with trio.open_nursery() as nursery:
        for _ in range(WAITS.each):
            nursery.start_soon(world.gate.query_events, scout, Query(types=("never",)), 3000.0)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Refusal, match="requests that wait"):
            await world.gate.query_events(scout, Query(types=("never",)), 1.0)
        nursery.cancel_scope.cancel()
    await trio.testing.wait_all_tasks_blocked()
    assert (await world.gate.query_events(scout, Query(types=("never",)), 1.0)).events == []


async def test_a_commit_looks_only_at_the_waiters_that_it_may_have_answered(autojump_clock, world, scout):
    asked = []
    query = world.log.query

    def counting(*arguments, **options):
        asked.append(arguments)
        return query(*arguments, **options)

    async with trio.open_nursery() as nursery:
        for n in range(500):
            nursery.start_soon(world.gate.query_events, scout, Query(stream=f"stream-{n}"), 60.0)
        nursery.start_soon(world.gate.query_events, scout, Query(types=("rare",)), 60.0)
        await trio.testing.wait_all_tasks_blocked()
        world.log.query = counting
        await world.gate.append_events(scout, one(stream="stream-7"))
        await trio.testing.wait_all_tasks_blocked()
        assert len(asked) == 1
        nursery.cancel_scope.cancel()


async def test_a_long_query_is_read_in_slices_and_a_waiting_one_goes_on_where_it_stopped(autojump_clock, world, scout):
    events = [NewEvent(type="note", data={"n": n}) for n in range(1000)]
    for _ in range(12):
        world.log.append(events, agent="scout")
    page = await world.gate.query_events(scout, Query(where={"n": 999}, limit=1000))
    assert len(page.events) == 12
    page = await world.gate.query_events(scout, Query(where={"n": 999}, limit=1000, order="desc"))
    assert [event.sequence for event in page.events] == sorted((e.sequence for e in page.events), reverse=True)
    async with trio.open_nursery() as nursery:
        pages = []

        async def follow():
            pages.append(await world.gate.query_events(scout, Query(where={"n": -1}), 60.0))

        nursery.start_soon(follow)
        await trio.sleep(1.0)
        await world.gate.append_events(scout, Append(events=[NewEvent(type="note", data={"n": -1})], agent="scout"))
        await trio.sleep(1.0)
        assert [event.data["n"] for event in pages[0].events] == [-1]


async def test_a_page_ends_before_its_bytes_are_too_many(autojump_clock, world, scout):
    world.log.append([NewEvent(type="note", data={"text": "x" * 100_000})] * 30, agent="scout")
    pages = [await world.gate.query_events(scout, Query(types=("note",), limit=1000))]
    while pages[-1].has_more:
        pages.append(await world.gate.query_events(scout, Query(types=("note",), limit=1000, after=pages[-1].next)))
    assert [len(page.events) for page in pages] == [10, 10, 10]


async def test_a_slice_of_a_long_query_ends_after_a_page_of_bytes(autojump_clock, world, scout, slices):
    world.log.append([NewEvent(type="note", data={"text": "x" * 500_000})] * 30, agent="scout")
    page = await world.gate.query_events(scout, Query(types=("note",), where={"text": "y"}))
    assert page.events == []
    assert len(slices) >= 10


@pytest.fixture
def slices(world, monkeypatch):
    """How much each search may look at."""
    bounds, query = [], world.log.query

    def bounded(asked=None, *, max_scan=None, **options):
        bounds.append(max_scan)
        return query(asked, max_scan=max_scan, **options)

    monkeypatch.setattr(world.log, "query", bounded)
    return bounds


def fill(world, count):
    for _ in range(count // 1000):
        world.log.append([NewEvent(type="note", data={"n": n}) for n in range(1000)], agent="scout")


def unless(n):
    return one(fail_if=FailIf(query=Query(where={"n": n})))


@pytest.mark.usefixtures("autojump_clock")
@pytest.mark.parametrize(("n", "refused"), [(-1, False), (999, True)])
async def test_a_distant_condition_is_looked_at_in_slices(world, scout, slices, n, refused):
    fill(world, 12_000)
    outcomes = []
    await attempt(lambda: world.gate.append_events(scout, unless(n)), outcomes)
    assert (outcomes == ["condition_failed"]) is refused
    assert len(slices) > (1 if refused else 20)
    assert all(bound == 500 for bound in slices)


async def test_who_has_a_distant_condition_keeps_the_order_of_its_appends_and_no_other_agent_waits(
    autojump_clock, world, scout, rover
):
    fill(world, 20_000)
    await world.gate.whoami(scout)
    await world.gate.whoami(rover)
    before = world.log.head
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.gate.append_events, scout, unless(-1))
        await trio.lowlevel.checkpoint()
        nursery.start_soon(world.gate.append_events, scout, one(stream="behind"))
        await trio.lowlevel.checkpoint()
        nursery.start_soon(world.gate.append_events, rover, one("rover"))
    last = world.log.query(types=["note"], after=before).events
    assert [event.stream for event in last] == ["agent/rover", "agent/scout", "behind"]


async def test_a_condition_sees_what_is_committed_while_it_is_looked_at(autojump_clock, world, scout, rover):
    fill(world, 20_000)
    outcomes = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(attempt, lambda: world.gate.append_events(scout, unless(-1)), outcomes)
        await trio.lowlevel.checkpoint()
        await world.gate.append_events(rover, Append(events=[NewEvent(type="note", data={"n": -1})], agent="rover"))
    assert outcomes == ["condition_failed"]


async def test_stopping_waits_for_an_append_whose_condition_is_looked_at(autojump_clock, make_world, scout):
    async with make_world().open() as world, trio.open_nursery() as nursery:
        fill(world, 20_000)
        outcomes = []
        nursery.start_soon(attempt, lambda: world.gate.append_events(scout, unless(-1)), outcomes)
        await trio.testing.wait_all_tasks_blocked(0.0)
    assert [outcome.first_sequence > 20_000 for outcome in outcomes] == [True]


async def test_a_waiter_is_found_behind_much_that_it_does_not_want(autojump_clock, world, scout, rover, slices):
    async with trio.open_nursery() as nursery:
        pages = []

        async def follow():
            pages.append(await world.gate.query_events(scout, Query(where={"n": -1}), 60.0))

        nursery.start_soon(follow)
        await trio.testing.wait_all_tasks_blocked()
        events = [*(NewEvent(type="note", data={"n": n}) for n in range(999)), NewEvent(type="note", data={"n": -1})]
        await world.gate.append_events(rover, Append(events=events, agent="rover"))
    assert [event.data["n"] for event in pages[0].events] == [-1]
    assert {FIRST_LOOK, 500} == set(slices)


@pytest.mark.parametrize(
    ("appends", "size"),
    [
        ([one()] * 2000, 1024),
        ([one()] * 3, 3),
        ([unless(1)] * 2000, 181),
        ([one()] * 500 + [unless(1)] * 500, 558),
        ([Append(events=[NewEvent(type="t")] * 1000, agent="a", fail_if=FailIf(query=Query()))] * 50, 5),
        ([Append(events=[NewEvent(type="t")] * 1000, agent="a")] * 50, 50),
        ([Append(events=[NewEvent(type="t")] * 8, agent="a", fail_if=FailIf(query=Query()))] * 80, 64),
    ],
)
def test_a_group_is_as_large_as_what_has_to_be_compared_allows(appends, size):
    pending = [(append, SimpleNamespace(size=100), 0) for append in appends]
    taken = group_size(pending)
    assert taken == size
    conditions = sum(append.fail_if is not None for append in appends[:taken])
    assert conditions * sum(len(append.events) for append in appends[:taken]) <= CHECKS


@pytest.mark.parametrize(
    ("sizes", "taken"),
    [
        ([300 << 10] * 10, 3),
        ([2 << 20, 1], 1),
        ([1, 2 << 20, 1], 1),
        ([1 << 19] * 3, 2),
    ],
)
def test_a_group_is_as_large_as_can_be_staged_without_a_stall(sizes, taken):
    assert group_size([(one(), SimpleNamespace(size=size), 0) for size in sizes]) == taken


async def test_uptime_and_the_memory_of_crashes_survive_a_crash_of_the_store(autojump_clock, world):
    await trio.sleep(100.0)
    crash(world.system, "event_store")
    await trio.sleep(5.0)
    health = world.gate.health()
    assert health.uptime_s > 100.0
    assert health.status == "degraded"
    assert "restarted after a crash" in health.components["event_store"].detail


async def test_a_sync_that_fails_as_a_crashed_store_closes_ends_the_tree(autojump_clock, make_world, scout):
    world = make_world()

    def broken():
        raise SyncFailed("the disk did not confirm")

    with pytest.raises(ExceptionGroup) as caught:
        async with world.open():
            await world.gate.whoami(scout)
            world.log.close = broken
            crash(world.system, "event_store")
            await trio.sleep_forever()
    assert contains(caught.value, Unrecoverable)


async def test_a_batch_costs_as_many_tokens_as_it_has_requests(autojump_clock, make_world, limits_of, scout):
    async with make_world(limits=limits_of(10.0, 100)).open() as world:
        calls = [Call("Bash", {"command": f"echo {n}"}, "/home/dev/project") for n in range(80)]
        assert len(await world.gate.validate(scout, calls)) == 80
        with pytest.raises(Refusal) as caught:
            await world.gate.validate(scout, calls)
        assert caught.value.code == "rate_limited"
        await trio.sleep(caught.value.detail["retry_after_s"] + 0.01)
        assert len(await world.gate.validate(scout, calls)) == 80
