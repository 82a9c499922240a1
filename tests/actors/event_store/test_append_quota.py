"""What an agent may append in a day: more is refused and stores nothing, whatever the others and admins append."""

import pytest
import trio
import trio.testing

from actors.desk.gate import Caller, Refusal
from actors.event_store.actor import METERED_BYTES
from actors.event_store.append_quota import MAX_BUCKETS, AppendQuota
from actors.kernel.messages.mailbox import Envelope
from actors.session.messages import Principal
from store import Append, NewEvent
from store.care.disk_space import DAY_S

PER_DAY = 100_000


def note(agent, size=1000):
    return Append(events=[NewEvent(type="note", data="x" * size)], agent=agent)


@pytest.fixture
async def small(make_world):
    async with make_world(append_bytes_per_day=PER_DAY).open() as opened:
        yield opened


async def append_until_refused(world, caller):
    for count in range(1000):
        try:
            await world.gate.append_events(caller, note(caller.principal.agent))
        except Refusal as refusal:
            return count, refusal
    return 1000, None


async def test_what_an_agent_appends_beyond_its_bytes_is_refused_and_stores_nothing(
    autojump_clock, small, scout, rover
):
    count, refused = await append_until_refused(small, scout)
    assert PER_DAY * 0.9 < count * 1000 < PER_DAY
    head = small.log.head
    assert refused.code == "rate_limited"
    assert refused.detail["retry_after_s"] > 0
    assert "'scout'" in refused.message
    assert "append_bytes_per_day" in refused.message
    with pytest.raises(Refusal):
        await small.gate.append_events_nowait(scout, note("scout"))()
    assert small.log.head == head
    await small.gate.append_events(rover, note("rover"))  # nobody else is refused
    for _ in range(200):
        await small.gate.append_events(Caller(Principal("root", "admin"), 9), note("root"))
    await trio.sleep(refused.detail["retry_after_s"] + 1)
    await small.gate.append_events(scout, note("scout"))


async def test_the_bytes_of_a_day_come_back_in_a_day_and_no_faster(autojump_clock, small, scout):
    await append_until_refused(small, scout)
    await trio.sleep(DAY_S / 2)
    count, _ = await append_until_refused(small, scout)
    assert 0.4 < count * 1000 / PER_DAY < 0.55


async def test_a_crash_of_the_store_gives_nobody_a_new_quota(autojump_clock, small, scout):
    await append_until_refused(small, scout)
    small.system.mailboxes["event_store"].put_nowait(
        Envelope(b"\xc1", None, float("inf"), trio.current_time(), "test", "")
    )
    await trio.sleep(5.0)
    count, refused = await append_until_refused(small, scout)
    assert (count, refused.code) == (0, "rate_limited")


async def test_agents_whose_appends_wait_for_the_disk_leave_room_for_admins(autojump_clock, make_world, scout):
    go_on = trio.Event()

    async def disk(function):
        await go_on.wait()
        return function()

    world = make_world(run_sync=disk)
    go_on.set()
    async with world.open(), trio.open_nursery() as nursery:
        await world.gate.whoami(scout)
        admin = Caller(Principal("root", "admin"), 9)
        await world.gate.whoami(admin)
        go_on = trio.Event()
        size = 1_000_000
        for _ in range(METERED_BYTES // size + 2):
            nursery.start_soon(world.gate.append_events, scout, note("scout", size))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Refusal, match="wait for the disk"):
            await world.gate.append_events(scout, note("scout"))
        done = []

        async def by_admin():
            done.append(await world.gate.append_events(admin, note("root")))

        nursery.start_soon(by_admin)
        await trio.testing.wait_all_tasks_blocked()
        go_on.set()
        await trio.testing.wait_all_tasks_blocked()
        assert len(done) == 1


def test_those_who_append_nothing_any_more_are_forgotten():
    quota = AppendQuota(PER_DAY)
    for n in range(3 * MAX_BUCKETS):
        assert quota.spend(f"agent-{n}", 10, n * DAY_S) is None
        assert len(quota._buckets) <= MAX_BUCKETS
