"""A server that lets go of its oldest segments while it works."""

import gzip

import pytest
import trio

from actors.event_store.scheduled_retirement import CHECK_S, RetentionPlan
from store import Append, EventLog, Limits, NewEvent, Query, Retention, keep, verify
from store.erasing.erasure import LOG_STREAM
from store.format.segment import segment_name

LIMITS = Limits(segment_bytes=2000, reserve_bytes=100)
ALL = Retention(max_bytes=0)


NOTE = Append(events=[NewEvent(type="note")], agent="scout")


async def fill(world, scout):
    """Append more than 20 notes more than the log's last segment holds."""
    for _ in range(40):
        await world.gate.append_events(scout, NOTE)


class SlowPort:
    """Runs disk work where it stands, the work of one name slowly; as a thread, it notices no cancellation."""

    def __init__(self, name, seconds):
        self.name = name
        self.seconds = seconds
        self.begun = trio.Event()
        self.done = []

    async def __call__(self, work):
        name = getattr(work, "__name__", "")
        if name == self.name:
            self.begun.set()
            with trio.CancelScope(shield=True):
                await trio.sleep(self.seconds)
        result = work()
        self.done.append(name)
        return result


@pytest.fixture
def opened(tmp_path, clock_ns):
    return EventLog.open(tmp_path / "log", limits=LIMITS, clock_ns=clock_ns, sync=lambda _fd: None)


@pytest.fixture
def clock_ns():
    return lambda: 1_700_000_000_000_000_000 + round(trio.current_time() * 1e9) if in_trio() else 1


def in_trio():
    try:
        trio.current_time()
    except RuntimeError:
        return False
    return True


async def test_what_may_leave_is_archived_and_told_and_the_rest_goes_on(
    autojump_clock, make_world, scout, opened, tmp_path
):
    retention_plan = RetentionPlan(retention=ALL, archive=tmp_path / "archive")
    async with make_world(log=opened, retention_plan=retention_plan).open() as world:
        await fill(world, scout)
        await trio.sleep(CHECK_S + 1)
        first, segments = opened.first_sequence, opened.stats().segments
        assert first > 20
        assert segments <= 2
        assert len(list((tmp_path / "log").glob("*.segment"))) == segments
        (told,) = (await world.gate.query_events(scout, Query(stream=LOG_STREAM))).events
        assert (told.type, told.data["first_sequence"], told.data["events"]) == (
            "moothall.log.retired",
            first,
            first - 1,
        )
        assert len(list((tmp_path / "archive").iterdir())) == told.data["segments"]
        page = await world.gate.query_events(scout, Query(types=("note",), limit=1000))
        assert page.events[0].sequence >= first
        appended = await world.gate.append_events(scout, NOTE)
        assert appended.revisions == {"agent/scout": 41}
    assert verify(tmp_path / "log").ok
    assert verify(tmp_path / "log").first_sequence == first


async def test_appends_and_queries_go_on_while_a_segment_is_packed(autojump_clock, make_world, scout, opened):
    port = SlowPort("prepare", 10)
    async with make_world(log=opened, retention_plan=RetentionPlan(retention=ALL), run_sync=port).open() as world:
        await fill(world, scout)
        await port.begun.wait()
        before = trio.current_time()
        await world.gate.append_events(scout, NOTE)
        assert (await world.gate.query_events(scout, Query(types=("note",), limit=1000))).events[0].sequence < 20
        assert trio.current_time() < before + 1
        assert opened.first_sequence == 1


async def test_nothing_is_told_where_nothing_leaves(autojump_clock, make_world, scout, opened):
    async with make_world(log=opened, retention_plan=RetentionPlan(retention=keep(days=1, size=None))).open() as world:
        await fill(world, scout)
        await trio.sleep(5 * CHECK_S)
        assert opened.first_sequence == 1
        assert (await world.gate.query_events(scout, Query(stream=LOG_STREAM))).events == []


async def test_what_is_older_than_the_days_that_are_kept_leaves(autojump_clock, make_world, scout, opened):
    async with make_world(log=opened, retention_plan=RetentionPlan(retention=keep(days=1, size=None))).open() as world:
        await fill(world, scout)
        await trio.sleep(24 * 3600 + 2 * CHECK_S)
        assert opened.first_sequence > 20


async def test_a_log_is_closed_when_no_segment_is_on_its_way_out(autojump_clock, make_world, scout, opened):
    port = SlowPort("prepare", 1)
    async with make_world(log=opened, retention_plan=RetentionPlan(retention=ALL), run_sync=port).open() as world:
        await fill(world, scout)
        await port.begun.wait()
    assert port.done[-1] == "close"
    assert "prepare" in port.done


async def test_an_archive_of_another_log_degrades_health_and_ends_nothing(
    autojump_clock, make_world, scout, opened, tmp_path
):
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / f"{segment_name(1)}.gz").write_bytes(gzip.compress(b"of another log"))
    retention_plan = RetentionPlan(retention=ALL, archive=archive)
    async with make_world(log=opened, retention_plan=retention_plan).open() as world:
        await fill(world, scout)
        await trio.sleep(2 * CHECK_S + 1)
        await world.gate.append_events(scout, NOTE)
        assert "an archive of its own" in world.views.trouble["event_store"]
        assert opened.first_sequence == 1


async def test_a_disk_too_slow_to_tell_what_has_left_ends_nothing(autojump_clock, make_world, scout, opened):
    port = SlowPort(None, 10)
    async with make_world(log=opened, retention_plan=RetentionPlan(retention=ALL), run_sync=port).open() as world:
        await fill(world, scout)
        port.name = "<lambda>"  # what flushes a group
        await trio.sleep(CHECK_S + 20)
        assert opened.first_sequence > 20
        assert world.crashes == []


async def test_a_log_is_closed_when_no_sync_is_under_way(autojump_clock, make_world, scout, tmp_path, clock_ns):
    log = EventLog.open(tmp_path / "log", "interval:10", clock_ns=clock_ns, sync=lambda _fd: None)
    port = SlowPort("sync", 1)
    async with make_world(log=log, run_sync=port).open() as world:
        await world.gate.append_events(scout, NOTE)
        await port.begun.wait()
    assert port.done[-2:] == ["sync", "close"]
