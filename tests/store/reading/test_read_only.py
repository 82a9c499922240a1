"""A log that is only read: no lock, no byte written, and it sees what another process writes."""

import gc
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from store import EventLog, Invalid, Limits, LogDamaged, NewEvent, Retention

SMALL = Limits(segment_bytes=900, reserve_bytes=0)


def event(n):
    return NewEvent(type=f"t{n % 3}", data={"n": n}, correlation_id=f"c{n % 4}")


def fill(log, numbers):
    for n in numbers:
        log.append([event(n)], stream=f"s{n % 2}", command_id=f"k{n}")


def numbers(log, **filters):
    return [each.data["n"] for each in (log.query(**filters, limit=1000).events if filters else log.read())]


def agrees(log, count, first=0):
    """Every way to find an event finds all of them."""
    assert log.head == count
    assert numbers(log) == [*range(first, count)]
    assert numbers(log, stream="s1") == [n for n in range(first, count) if n % 2]
    assert numbers(log, types=["t2"], agents=["local"]) == [n for n in range(first, count) if n % 3 == 2]
    assert numbers(log, correlation_id="c3") == [n for n in range(first, count) if n % 4 == 3]
    assert log.stream_revision("s1") == count // 2


@pytest.mark.parametrize("stopped", [True, False])
def test_a_reader_sees_what_is_there_and_what_is_appended_in_this_segment_and_the_next_ones(tmp_path, stopped):
    log = EventLog.open(tmp_path, limits=SMALL)
    fill(log, range(5))
    if stopped:
        log.close()
    with EventLog.open(tmp_path, read_only=True) as reader:
        agrees(reader, 5)
        if stopped:
            log = EventLog.open(tmp_path, limits=SMALL)
        for end in range(6, 40):
            fill(log, [end - 1])
            if end % 3:
                agrees(reader, end)
        assert len(list(tmp_path.glob("*.segment"))) > 3
        assert reader.epoch == log.epoch
        log.close()
        agrees(reader, 39)


def test_two_readers_of_an_empty_directory_see_the_first_append(tmp_path):
    tmp_path.joinpath("log").mkdir()
    readers = [EventLog.open(tmp_path / "log", read_only=True) for _ in range(2)]
    assert [reader.head for reader in readers] == [0, 0]
    with EventLog.open(tmp_path / "log", limits=SMALL) as log:
        fill(log, range(3))
        for reader in readers:
            agrees(reader, 3)
            reader.close()


def test_a_directory_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        EventLog.open(tmp_path / "log", read_only=True)
    assert not (tmp_path / "log").exists()


def test_a_reader_sees_that_the_beginning_has_left(tmp_path):
    with EventLog.open(tmp_path, limits=Limits(segment_bytes=900, reserve_bytes=0, commands=2)) as log:
        fill(log, range(20))
        with EventLog.open(tmp_path, read_only=True) as reader:
            agrees(reader, 20)
            log.retire(Retention(max_bytes=1500))
            fill(log, range(20, 23))
            assert reader.first_sequence == log.first_sequence > 1
            agrees(reader, 23, log.first_sequence - 1)


def test_a_reader_loads_again_what_a_crash_or_a_full_disk_took_back(tmp_path):
    place = tmp_path / "log"
    log = EventLog.open(place, "never", limits=SMALL)
    fill(log, range(3))
    shutil.copytree(place, tmp_path / "before")
    fill(log, range(3, 6))
    with EventLog.open(place, read_only=True) as reader:
        agrees(reader, 6)
        epoch = reader.epoch
        (segment,) = place.glob("*.segment")
        content = ((tmp_path / "before") / segment.name).read_bytes()
        with segment.open("r+b") as file:
            file.truncate(len(content))
        agrees(reader, 3)
        shutil.copytree((tmp_path / "before"), tmp_path / "crashed")
        with EventLog.open((tmp_path / "crashed"), limits=SMALL) as other:
            fill(other, range(3, 9))
        for path in place.glob("*.segment"):
            path.unlink()
        for path in (tmp_path / "crashed").iterdir():
            shutil.copy(path, place)
        agrees(reader, 9)
        assert reader.epoch != epoch
    log._parts.lock.release()


def test_a_reader_that_loads_again_keeps_none_of_the_files_of_before_open(tmp_path):
    place = tmp_path / "log"
    with EventLog.open(place, limits=SMALL) as log:
        fill(log, range(3))
    opened = []
    with EventLog.open(place, read_only=True) as reader:
        for n in range(6):
            for path in list(place.glob("*.segment")):
                shutil.copy(path, tmp_path / f"{n}").replace(path)
            assert len(numbers(reader)) == 3
            gc.collect()
            opened.append(sum(1 for _ in Path("/dev/fd").iterdir()))
    assert opened[-1] == opened[0]


def test_a_reader_sees_an_append_that_is_larger_than_what_it_reads_at_once(tmp_path):
    with EventLog.open(tmp_path) as log, EventLog.open(tmp_path, read_only=True) as reader:
        for count in range(1, 4):
            log.append([NewEvent(type="large", data="x" * 200_000)] * 2, stream="s")
            assert (reader.head, reader.stream_revision("s")) == (2 * count, 2 * count)


def test_whatever_would_change_it_is_refused(tmp_path):
    with EventLog.open(tmp_path) as log:
        fill(log, range(2))
    with EventLog.open(tmp_path, read_only=True) as reader:
        for change in (
            lambda: reader.append([event(2)]),
            lambda: reader.steps.stage([]),
            lambda: reader.retire(Retention(max_bytes=1)),
            reader.sync,
        ):
            with pytest.raises(Invalid, match="read-only"):
                change()
        assert not reader.step()
        assert (reader.stats().head, reader.stats().fsync, reader.stats().durable) == (2, "none", 2)


def test_a_damaged_log_is_refused(tmp_path):
    with EventLog.open(tmp_path, limits=SMALL) as log:
        fill(log, range(20))
    sorted(tmp_path.glob("*.segment"))[1].unlink()
    with pytest.raises(LogDamaged):
        EventLog.open(tmp_path, read_only=True)


READER = """
import os, sys
from store import EventLog
written = []
def watch(name, arguments):
    if name == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        written.append(arguments)
    elif name in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "fcntl.flock"):
        written.append((name, *arguments))
sys.addaudithook(watch)
with EventLog.open(sys.argv[1], read_only=True) as log:
    assert len(list(log.read())) == log.head == int(sys.argv[2])
    assert log.query(stream="s1").events
assert not written, written
"""


@pytest.mark.parametrize("state", ["stopped", "crashed", "no indexes"])
def test_no_file_is_opened_for_writing_so_that_a_read_only_file_system_will_do(tmp_path, state):
    log = EventLog.open(tmp_path / "log", limits=SMALL)
    fill(log, range(20))
    if state != "stopped":
        shutil.copytree(tmp_path / "log", tmp_path / "crashed")
    log.close()
    place = tmp_path / ("log" if state == "stopped" else "crashed")
    if state == "no indexes":
        for path in place.glob("*.index"):
            path.unlink()
    before = {path.name: path.stat().st_mtime_ns for path in place.iterdir()}
    subprocess.run([sys.executable, "-B", "-c", READER, place, "20"], check=True, timeout=60)
    assert {path.name: path.stat().st_mtime_ns for path in place.iterdir()} == before


FOLLOWER = """
import sys
import time
from store import Cursor, EventLog
count = int(sys.argv[2])
with EventLog.open(sys.argv[1], read_only=True) as log:
    cursor, seen = Cursor(log), []
    print("ready", flush=True)
    while len(seen) < count:
        seen += [event.data["n"] for event in cursor.read()]
        time.sleep(0.001)
        last = [event.sequence for event in log.query(order="desc", limit=3).events]
        assert not last or last == list(range(last[0], last[0] - len(last), -1)), last
    assert seen == list(range(count)), seen
    assert len(list(log.read())) == count
"""


def test_two_processes_follow_while_a_third_appends_and_rotates(tmp_path):
    count = 120
    with EventLog.open(tmp_path, "never", limits=SMALL) as log:
        command = [sys.executable, "-c", FOLLOWER, tmp_path, str(count)]
        readers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
        try:
            for reader in readers:
                assert reader.stdout.readline() == b"ready\n"
            fill(log, range(count))
            assert [reader.wait(60) for reader in readers] == [0, 0]
        finally:
            for reader in readers:
                reader.kill()
                reader.stdout.close()
                reader.wait(60)
        assert len(list(tmp_path.glob("*.segment"))) > 12
