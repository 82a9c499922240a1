"""Complete segments are mapped and their files closed: a log may have more of them than a process may open files."""

import gc
import os
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

from store import Append, DiskFull, EventLog, Limits, LogDamaged, NewEvent, verify
from store.format.segment_files import create_segment
from store.retention.policy import Retention

SMALL = Limits(segment_bytes=1_500, reserve_bytes=0)


def filled(log, numbers):
    for n in numbers:
        log.append([NewEvent(type=f"t{n % 3}", data={"n": n, "text": "x" * 100})] * 3, stream=f"s{n % 5}")


def numbers(events):
    return [event.data["n"] for event in events][::3]


def mapped(log):
    return [segment.file.mapped is not None for segment in log._committed.segments]


FEW_FILES = """
    import resource, sys
    from store import EventLog, Limits, NewEvent
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    limits = Limits(segment_bytes=1_500, reserve_bytes=0)
    with EventLog.open(sys.argv[1], sys.argv[2], limits=limits) as log:
        for n in range(600):
            log.append([NewEvent(type=f"t{n % 3}", data={"n": n, "text": "x" * 300})] * 2, stream=f"s{n % 5}")
        assert log.stats().segments > 200, log.stats()
    with EventLog.open(sys.argv[1], sys.argv[2], limits=limits) as log:
        assert [event.data["n"] for event in log.read()] == [n // 2 for n in range(1200)]
        assert len(log.query(stream="s3", limit=1000).events) == 240
        log.append([NewEvent(type="end", stream="end")])
        log.sync()
        assert log.query(types=["end"]).events[0].sequence == 1201
"""


@pytest.mark.parametrize("policy", ["group", "never"])
def test_a_log_grows_and_opens_with_more_segments_than_a_process_may_open_files(tmp_path, policy):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FEW_FILES), str(tmp_path), policy],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert verify(tmp_path).ok


@pytest.mark.parametrize("reopened", [False, True])
def test_all_segments_but_the_one_that_is_written_are_mapped_and_closed(tmp_path, reopened):
    log = EventLog.open(tmp_path, limits=SMALL)
    filled(log, range(20))
    if reopened:
        log.close()
        log = EventLog.open(tmp_path, limits=SMALL)
    with log:
        *complete, last = mapped(log)
        assert len(complete) > 5
        assert all(complete)
        assert not last
        assert [
            path.name for path in map(Path, open_files()) if path.suffix == ".segment" and path.parent == tmp_path
        ] == [log._committed.segments[-1].path.name]
        assert numbers(log.read()) == list(range(20))
        assert numbers(log.query(stream="s2").events) == [2, 7, 12, 17]


def test_bytes_that_turn_bad_in_a_mapped_segment_are_damage(tmp_path):
    with EventLog.open(tmp_path, limits=SMALL) as log:
        filled(log, range(20))
        path = log._committed.segments[1].path
        at = path.read_bytes().index(b"x" * 100)
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"y")
        with pytest.raises(LogDamaged, match=path.name):
            list(log.read())
        with pytest.raises(LogDamaged, match=path.name):
            log.query(limit=1000)


@pytest.mark.parametrize("asked", [{"limit": 1}, {"stream": "s2"}, {"types": ["t1"], "order": "desc"}])
def test_bytes_that_turned_bad_before_it_was_opened_are_damage_however_little_is_asked(tmp_path, asked):
    with EventLog.open(tmp_path, limits=SMALL) as log:
        filled(log, range(20))
    for path in sorted(tmp_path.glob("*.segment"))[:-1]:
        content = bytearray(path.read_bytes())
        for frame in range(content.count(b"x" * 300)):
            content[content.index(b"x" * 100) + frame] = ord("y")
        at = content.index(b"xxxx")
        content[at] ^= 1
        path.write_bytes(content)
    with EventLog.open(tmp_path, limits=SMALL) as log, pytest.raises(LogDamaged):
        log.query(**{"order": "asc", **asked})


def test_an_error_of_the_disk_in_a_mapped_segment_is_told_as_damage(tmp_path, monkeypatch):
    with EventLog.open(tmp_path, limits=SMALL) as log:
        filled(log, range(20))

    def failing(_fd, _size, _offset):
        raise OSError(5, "Input/output error")

    with EventLog.open(tmp_path, limits=SMALL) as log:
        assert log.query(limit=1).events
        monkeypatch.setattr(os, "pread", failing)
        with pytest.raises(LogDamaged, match="check the disk"):
            log.query(types=["t2"])
        assert log.query(limit=1).events


def test_who_reads_a_segment_goes_on_while_it_is_retired(tmp_path):
    with EventLog.open(tmp_path, limits=SMALL) as log:
        filled(log, range(40))
        reader = log.read(skip_gone=True)
        first = next(reader)
        segment = log._committed.segments[0]
        assert log.retire(Retention(max_bytes=3_000)).segments > 5
        assert not segment.path.exists()
        rest = [first, *(event for event in reader)]
        assert [event.sequence for event in rest[:3]] == [1, 2, 3]
        assert rest[-1].sequence == 120
        del reader, segment, rest
        gc.collect()
        maps = Path("/proc/self/maps").read_text(encoding="utf-8")
        assert maps.count(f"{tmp_path}/") == sum(mapped(log))


def test_a_group_that_fails_behind_a_rotation_shortens_only_a_file_that_is_not_mapped(tmp_path, monkeypatch):
    with EventLog.open(tmp_path, limits=SMALL) as log:
        filled(log, range(2))
        appends = [Append(events=[NewEvent(type="t", data={"text": "z" * 400})] * 2, agent="a") for _ in range(6)]
        real, shortened = os.ftruncate, []
        with monkeypatch.context() as patch:
            patch.setattr(os, "ftruncate", lambda fd, size: shortened.append(os.fstat(fd).st_ino) or real(fd, size))
            patch.setattr("store.writing.tail.create_segment", fail_after(2))
            assert all(isinstance(outcome, DiskFull) for outcome in log.commit(appends))
        complete = [segment.path.stat().st_ino for segment in log._committed.segments[:-1]]
        assert shortened
        assert not {*shortened} & {*complete}
        filled(log, range(2, 6))
        assert numbers(log.read()) == list(range(6))
    assert verify(tmp_path).ok


def open_files():
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(entry.readlink())


def test_a_file_that_was_shortened_is_mapped_anew(tmp_path):
    with EventLog.open(tmp_path, "never") as log:
        filled(log, range(20))
        (segment,) = log._committed.segments
        size = segment.file.size
        assert segment.file.view(size, worth_it=False) is None
        assert len(segment.file.view(size, worth_it=True)) == size
        with segment.path.open("ab") as file:
            file.write(b"torn")
        assert len(segment.file.view(size + 4, worth_it=True)) == size + 4
        segment.file.cut(size)
        assert segment.file.view(size, worth_it=False) is None
        assert len(segment.file.view(size, worth_it=True)) == size
        assert numbers(log.query(types=["t1"], order="desc").events) == list(range(19, 0, -3))


def test_what_was_mapped_while_it_grew_shows_what_came_since(tmp_path):
    with EventLog.open(tmp_path) as log:
        for n in range(0, 300, 20):
            filled(log, range(n, n + 20))
            newest = log.query(types=["t1"], order="desc", limit=12).events
            assert [event.data["n"] for event in newest] == [
                m for m in range(n + 19, -1, -1) if m % 3 == 1 for _ in range(3)
            ][:12]


def fail_after(count):
    made = []

    def create(*given):
        if len(made) == count:
            raise DiskFull("no space")
        made.append(given)
        return create_segment(*given)

    return create
