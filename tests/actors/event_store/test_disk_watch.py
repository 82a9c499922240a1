"""Health tells that the disk under the log will be full, while it still works."""

from pathlib import Path

import pytest
import trio

from actors.event_store.disk_watch import LOOK_S, DiskWatch
from actors.ports import Ports
from store import Append, EventLog, NewEvent

GIB = 1 << 30
HOUR_S = 3600.0


class Disk:
    """Says what it has left, or raises."""

    def __init__(self, free):
        self.free = free

    def __call__(self, directory):
        if isinstance(self.free, Exception):
            raise self.free
        return self.free


@pytest.fixture
def opened(tmp_path):
    return EventLog.open(tmp_path / "log", sync=lambda _fd: None)


async def health(world):
    await trio.sleep(2 * LOOK_S)
    return world.gate.health().components["event_store"]


async def test_a_disk_with_little_left_degrades_health_until_there_is_room_and_stops_nothing(
    autojump_clock, make_world, scout, opened
):
    world, disk = make_world(log=opened), Disk(100 << 20)
    world.ports.free_bytes = disk
    async with world.open():
        await trio.sleep(2.0)  # at once, not after the first minute
        assert world.gate.health().status == "degraded"
        assert "100 MiB left" in (await health(world)).detail
        await world.gate.append_events(scout, Append(events=[NewEvent(type="note")], agent="scout"))
        assert (await health(world)).status == "degraded"  # a commit does not hide it
        disk.free = OSError("it does not answer")
        assert "it does not answer" in (await health(world)).detail
        disk.free = 100 * GIB
        assert (await health(world)).status == "ok"


def test_the_days_left_come_from_the_growth_of_the_last_day_and_what_leaves_the_log_is_none():
    watch, grown = DiskWatch(Path("log")), 50 * GIB
    assert watch.warning(grown, 100 * GIB, 0.0) == ""  # what was there at the start is no growth
    for minute in range(1, 61):
        warning = watch.warning(grown + minute * GIB // 60, 100 * GIB, minute * 60.0)
    assert "4.2 days at 24576 MiB a day" in warning
    assert watch.warning(0, 100 * GIB, 2 * HOUR_S) == ""  # old events have left: 12 GiB a day
    warning = watch.warning(2 * GIB, 100 * GIB, 3 * HOUR_S)  # 3 GiB in 3 hours, whatever has left meanwhile
    assert "4.2 days at 24576 MiB a day" in warning
    for minute in range(181, 1700):
        warning = watch.warning(2 * GIB, 10 * GIB, minute * 60.0)
    assert warning == ""
    assert len(watch._grown) == 1440


def test_a_full_disk_under_a_log_that_does_not_grow_has_no_days_left_to_tell_of():
    watch = DiskWatch(Path("log"))
    for minute in range(3):
        warning = watch.warning(GIB, 100 << 20, minute * 60.0)
        assert "has 100 MiB left: make room" in warning


async def test_the_real_disk_is_asked_where_the_log_is(tmp_path):
    assert Ports().free_bytes(tmp_path) > 0
