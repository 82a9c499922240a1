"""An admin has a stream erased while the hall is at work."""

from itertools import pairwise

import pytest
import trio
from msgspec.structs import replace

from actors.desk.gate import Caller, Refusal
from actors.session.messages import Principal
from store import Append, EventLog, FailIf, Limits, MemoryLog, NewEvent, Query, Retention, verify
from store.erasing.erasure import ERASED, LOG_STREAM

CHIEF = Caller(Principal("chief", "admin"), 2)
LIMITS = Limits(segment_bytes=2000, reserve_bytes=100)
ABOUT = Append(events=[NewEvent(type="note", data={"name": "Ann Smith"}, tags=("about:ann",))], agent="scout")


@pytest.fixture(params=["files", "memory"])
def opened(request, tmp_path):
    if request.param == "memory":
        return MemoryLog()
    return EventLog.open(tmp_path / "log", limits=LIMITS, sync=lambda _fd: None)


@pytest.fixture
def in_files(tmp_path):
    return EventLog.open(tmp_path / "log", limits=LIMITS, sync=lambda _fd: None)


async def refused(awaitable):
    with pytest.raises(Refusal) as caught:
        await awaitable
    return caught.value


async def test_an_admin_has_a_stream_erased_and_it_is_told(autojump_clock, make_world, scout, opened):
    async with make_world(log=opened).open() as world:
        for _ in range(30):
            await world.gate.append_events(scout, ABOUT)
        erased = await world.gate.erase_stream(CHIEF, "agent/scout")
        assert (erased.stream, erased.events) == ("agent/scout", 30)
        page = await world.gate.query_events(scout, Query(stream="agent/scout"))
        assert all(event.erased for event in page.events)
        assert len(page.events) == 30
        assert (await world.gate.query_events(scout, Query(where={"name": "Ann Smith"}))).events == []
        (told,) = (await world.gate.query_events(scout, Query(types=(ERASED,)))).events
        assert (told.stream, told.data["by"], told.data["events"]) == (LOG_STREAM, "chief", 30)
        assert (await world.gate.append_events(scout, ABOUT)).revisions == {"agent/scout": 31}


@pytest.mark.parametrize("role", ["observer", "agent", "expert"])
async def test_only_admins_may_have_a_stream_erased(autojump_clock, make_world, scout, opened, role):
    async with make_world(log=opened).open() as world:
        await world.gate.append_events(scout, ABOUT)
        caller = Caller(Principal("scout", role), 1)
        assert (await refused(world.gate.erase_stream(caller, "agent/scout"))).code == "forbidden"
        assert not (await world.gate.query_events(scout, Query())).events[0].erased


@pytest.mark.parametrize("stream", ["moothall/policy", "nobody"])
async def test_a_stream_of_the_hall_or_none_is_refused(autojump_clock, make_world, scout, opened, stream):
    async with make_world(log=opened).open() as world:
        await world.gate.append_events(scout, ABOUT)
        assert (await refused(world.gate.erase_stream(CHIEF, stream))).code == "invalid"


class SlowDisk:
    """Runs disk work where it stands, the steps of an erasing slowly."""

    async def __call__(self, work):
        if getattr(work, "__name__", "") == "step":
            await trio.sleep(1)
        return work()


async def test_appends_and_queries_go_on_meanwhile(autojump_clock, make_world, scout, in_files, tmp_path):
    async with make_world(log=in_files, run_sync=SlowDisk()).open() as world:
        for _ in range(60):
            await world.gate.append_events(scout, ABOUT)
        times = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.gate.erase_stream, CHIEF, "agent/scout")
            await trio.sleep(0.5)
            for _ in range(5):
                await world.gate.append_events(scout, ABOUT)
                assert len((await world.gate.query_events(scout, Query(stream="agent/scout", limit=1000))).events) >= 60
                times.append(trio.current_time())
        assert all(later - before < 0.1 for before, later in pairwise(times))
        events = (await world.gate.query_events(scout, Query(stream="agent/scout", limit=1000))).events
        assert [event.erased for event in events] == [True] * 60 + [False] * 5
    assert verify(tmp_path / "log").problems == []


async def test_what_a_stop_cuts_off_is_ended_and_told_at_the_next_start(
    autojump_clock, make_world, scout, in_files, tmp_path
):
    async with make_world(log=in_files, run_sync=SlowDisk()).open() as world:
        for _ in range(60):
            await world.gate.append_events(scout, ABOUT)
        with trio.move_on_after(4.5):
            await world.gate.erase_stream(CHIEF, "agent/scout")
        assert not all(event.erased for event in in_files.query(stream="agent/scout", limit=1000).events)
    with EventLog.open(tmp_path / "log", limits=LIMITS) as log:
        assert all(event.erased for event in log.query(stream="agent/scout", limit=1000).events)
        (told,) = log.query(types=ERASED).events
        assert (told.data["events"], told.data["by"]) == (60, "chief")
    assert verify(tmp_path / "log").problems == []


async def test_two_who_ask_for_it_get_an_answer_each(autojump_clock, make_world, scout, opened):
    async with make_world(log=opened).open() as world:
        await world.gate.append_events(scout, ABOUT)
        found = []

        async def ask():
            found.append((await world.gate.erase_stream(CHIEF, "agent/scout")).events)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(ask)
        assert sorted(found) == [0, 1]


async def shortened(world, scout, log):
    """Fill a log and let its oldest segments leave; return the first sequence that is left."""
    for n in range(60):
        await world.gate.append_events(scout, replace(ABOUT, stream="old" if n < 40 else "new"))
    log.retire(Retention(max_bytes=4000))
    assert 3 < log.first_sequence < 60
    return log.first_sequence


async def test_a_query_is_told_that_what_it_asks_for_has_left(autojump_clock, make_world, scout, in_files):
    async with make_world(log=in_files).open() as world:
        first = await shortened(world, scout, in_files)

        async def asked(query, **told):
            return await world.gate.query_events(scout, query, whole=True, **told)

        left = in_files.retired_revision("old")
        for query in (
            Query(after=1),
            Query(after=first - 2),
            Query(before=first),
            Query(stream="old", after_revision=left - 1),
            Query(stream="old", after=1, order="desc"),
        ):
            gone = await refused(asked(query))
            assert (gone.code, gone.detail) == ("events_gone", {"first_sequence": first})
            assert (await world.gate.query_events(scout, query)).has_more in {True, False}
        for query in (Query(after=first - 1), Query(stream="old", after_revision=left), Query(stream="new", after=1)):
            assert (await asked(query)).events
        assert (await asked(Query(), begins=False)).events[0].sequence == first


async def test_a_condition_that_reaches_behind_what_is_left_is_told_so(autojump_clock, make_world, scout, in_files):
    async with make_world(log=in_files).open() as world:
        first = await shortened(world, scout, in_files)
        append = replace(ABOUT, fail_if=FailIf(query=Query(types=("x",))))
        gone = await refused(world.gate.append_events(scout, append))
        assert (gone.code, gone.detail) == ("events_gone", {"first_sequence": first})
