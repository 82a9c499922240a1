"""The disk's own thread: work begins at once, its end is heard, and what it raises is raised where it is waited for."""

import os
import threading
from pathlib import Path

import pytest
import trio

from actors import disk_thread
from actors.disk_thread import DiskThread, doorbell, socket_doorbell


@pytest.fixture(params=[doorbell, socket_doorbell])
def disk(request):
    thread = DiskThread(request.param)
    yield thread
    thread.close()


async def test_work_is_done_in_another_thread_piece_by_piece(disk):
    done = []
    for number in range(100):
        disk.begin(lambda number=number: done.append((number, threading.get_ident())))
        await disk.ended()
        assert done[-1][0] == number
    (thread,) = {ident for _, ident in done}
    assert thread != threading.get_ident()


async def test_the_loop_goes_on_while_the_disk_is_at_work(disk):
    may_end = threading.Event()
    disk.begin(may_end.wait)
    rounds = 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(disk.ended)
        while rounds < 10:
            await trio.lowlevel.checkpoint()
            rounds += 1
        may_end.set()


async def test_what_the_work_raises_is_raised_where_it_is_waited_for_and_the_next_piece_is_done(disk):
    def fail():
        raise OSError("no disk")

    disk.begin(fail)
    with pytest.raises(OSError, match="no disk"):
        await disk.ended()
    done = []
    disk.begin(lambda: done.append(1))
    await disk.ended()
    assert done == [1]


async def test_who_is_cancelled_waits_all_the_same_until_the_disk_has_done_its_work(disk):
    may_end, done = threading.Event(), []

    def work():
        may_end.wait()
        done.append(1)

    disk.begin(work)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(disk.ended)
        await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
        threading.Timer(0.2, may_end.set).start()
    assert done == [1]


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("make", [doorbell, socket_doorbell])
def test_a_close_waits_for_the_work_and_gives_the_descriptors_back(make):
    before, done = descriptors(), []
    disk = DiskThread(make)
    disk.begin(lambda: done.append(1))
    disk.close()
    assert done == [1]
    assert descriptors() == before
    assert not [each for each in threading.enumerate() if each.name == "moothall disk"]


def test_a_system_without_an_eventfd_gets_sockets(monkeypatch):
    monkeypatch.delattr(os, "eventfd", raising=False)
    rung, heard = disk_thread.doorbell()
    assert rung != heard
    os.close(rung)
    os.close(heard)


async def test_a_hall_that_stops_leaves_no_disk_thread(make_world, scout, tmp_path):
    from actors.ports import in_thread
    from store import Append, EventLog, NewEvent

    async with make_world(log=EventLog.open(tmp_path), run_sync=in_thread).open() as world:
        stored = await world.gate.append_events(scout, Append(events=[NewEvent(type="note")], agent="scout"))
        assert stored.first_sequence > 0
        assert [each for each in threading.enumerate() if each.name == "moothall disk"]
    assert not [each for each in threading.enumerate() if each.name == "moothall disk"]


def test_an_event_store_that_crashes_closes_its_log_behind_what_the_disk_is_at():
    from actors.event_store.actor import EventStore
    from actors.event_store.append_quota import AppendQuota
    from actors.ports import Ports
    from store import MemoryLog

    at_work, may_end, order = threading.Event(), threading.Event(), []

    class Log(MemoryLog):
        def close(self):
            order.append("closed")

    def work():
        at_work.set()
        may_end.wait(60)
        order.append("written")

    store = EventStore(Log, Ports(), None, AppendQuota())
    store._log, store._disk = Log(), DiskThread()
    store._disk.begin(work)
    at_work.wait(60)
    threading.Timer(0.1, may_end.set).start()
    store.on_exit()
    assert order == ["written", "closed"]
    store.on_exit()
