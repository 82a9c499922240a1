"""A crash at every step to the disk: in rotation, while a segment is sealed, at a checkpoint, at a clean stop.

After each write, sync, rename and removal the directory is kept as it is, which is what a killed process leaves, and as
a power cut leaves it at worst: every file with the content of its last sync; or all derived files as they are, and the
segments with the content of their last sync. Whatever the policy promises to be there must be there when the log is
opened again, and every query must find what is there.
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from store import Append, EventLog, Limits, NewEvent, StoreError, verify
from store.format.durable_mark import MARK_NAME
from store.recovery import what_counts as recovery
from store.writing.tail import Tail

SMALL = Limits(segment_bytes=900, reserve_bytes=0)
CALLS = ("pwrite", "pwritev", "fsync", "fdatasync", "truncate", "unlink", "replace")


def nothing(*_args, **_kwargs):
    """Do not do it."""


class Disk:
    """Keeps what a crash would leave at each step; `acknowledged` is how many events it must not take."""

    def __init__(self, directory, home, policy):
        self.policy = policy
        self.directory = directory
        self.home = home
        self.acknowledged = 0
        self.synced = {}
        self.left = []

    def step(self, call, arguments):
        if call in {"fsync", "fdatasync"}:
            info = os.fstat(arguments[0])
            path = Path(f"/proc/self/fd/{arguments[0]}").readlink()
            if path.is_file():
                self.synced[info.st_ino] = path.read_bytes()
        for lost in ("nothing", "what was not synced", "what was not synced of segments"):
            copy = self.home / str(len(self.left))
            shutil.copytree(self.directory, copy, ignore=lambda *_: ["lock", "reserve"])
            for path in copy.glob("*.segment" if lost.endswith("segments") else "*"):
                if lost != "nothing":
                    path.write_bytes(self.synced.get((self.directory / path.name).stat().st_ino, b""))
            safe = lost == "nothing" or self.policy == "group"
            self.left.append((f"{call}, which loses {lost},", copy, self.acknowledged if safe else 0))


def watch(monkeypatch, disk):
    def watched(call, real):
        def stepped(*arguments, **kwargs):
            result = real(*arguments, **kwargs)
            disk.step(call, arguments)
            return result

        return stepped

    for call in CALLS:
        monkeypatch.setattr(os, call, watched(call, getattr(os, call)))


def event(n):
    return NewEvent(type=f"t{n % 3}", data={"n": n}, correlation_id=f"c{n % 4}")


def write(log, disk, numbers):
    for n in numbers:
        log.append([event(n)], stream=f"s{n % 2}", command_id=f"c{n}")
        disk.acknowledged = n + 1
        log.step()


def write_together(log, disk, numbers):
    """Append all in one group, which takes more than one segment."""
    appends = [Append(events=[event(n)], agent="local", stream=f"s{n % 2}", command_id=f"c{n}") for n in numbers]
    assert not [outcome for outcome in log.commit(appends) if isinstance(outcome, StoreError)]
    disk.acknowledged = numbers[-1] + 1


def crash_everywhere(monkeypatch, tmp_path, policy="group", sync=None):
    """Write, stop, write on, with a crash after every step; return what was left each time."""
    directory = tmp_path / "log"
    disk, count, together = Disk(directory, tmp_path / "left", policy), 14, 20
    with monkeypatch.context() as patch:
        directory.mkdir()
        watch(patch, disk)
        for numbers in (range(count), range(count, count + 2)):
            with EventLog.open(directory, policy, limits=SMALL, sync=sync or os.fdatasync) as log:
                write(log, disk, numbers)
        with EventLog.open(directory, policy, limits=SMALL, sync=sync or os.fdatasync) as log:
            before = log.stats().segments
            write_together(log, disk, range(count + 2, together))
            assert log.stats().segments > before, "the group fits into one segment"
    assert len(list(directory.glob("*.index"))) > 2
    return disk.left


@contextlib.contextmanager
def without_syncs():
    """What is left is looked at, not put at risk: thousands of syncs would only take time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", nothing)
        yield


def check(call, left, acknowledged):
    """The property: it opens, nothing acknowledged is missing, all ways to find an event agree."""
    where = f"after {call} in {left.name}, {acknowledged} acknowledged"
    try:
        with without_syncs(), EventLog.open(left, limits=SMALL, sync=nothing) as log:
            events = list(log.read())
            assert [event.data["n"] for event in events] == list(range(len(events))), where
            assert len(events) >= acknowledged, where
            for filters, wanted in (
                ({"stream": "s1"}, lambda n: n % 2 == 1),
                ({"types": ["t2"]}, lambda n: n % 3 == 2),
                ({"correlation_id": "c3"}, lambda n: n % 4 == 3),
                ({"agents": ["local"]}, lambda _: True),
            ):
                found = [event.data["n"] for event in log.query(**filters, limit=100).events]
                assert found == [n for n in range(len(events)) if wanted(n)], where
            for stream in (0, 1):
                assert log.stream_revision(f"s{stream}") == len(range(stream, len(events), 2)), where
            for n in range(len(events)):
                assert log.append([event(n)], stream=f"s{n % 2}", command_id=f"c{n}").deduplicated, where
            log.append([event(len(events))], expected_revision="any")
    except StoreError as error:
        raise AssertionError(f"{where}: {error}") from error
    assert verify(left).ok, where


@pytest.mark.parametrize("policy", ["group", "never"])
def test_a_crash_after_any_step_to_the_disk_loses_nothing_that_the_policy_keeps(monkeypatch, tmp_path, policy):
    left = crash_everywhere(monkeypatch, tmp_path, policy)
    assert {call.partition(",")[0] for call, *_ in left} >= {"pwrite", "pwritev", "fsync", "unlink"}
    for each in left:
        check(*each)


def test_the_suite_catches_a_rotation_that_does_not_sync_the_segment_it_leaves(monkeypatch, tmp_path):
    real = Tail._sync_files

    def sync(tail):
        if sys._getframe(1).f_code.co_name != "_begin_segment":
            real(tail)

    monkeypatch.setattr(Tail, "_sync_files", sync)
    left = crash_everywhere(monkeypatch, tmp_path)
    with pytest.raises(AssertionError):
        for each in left:
            check(*each)


def test_the_suite_catches_a_second_sync_of_a_file_that_does_nothing(monkeypatch, tmp_path):
    synced = set()

    def once(fd):
        if (file := os.fstat(fd).st_ino) not in synced:
            synced.add(file)
            os.fdatasync(fd)

    left = crash_everywhere(monkeypatch, tmp_path, sync=once)
    with pytest.raises(AssertionError):
        for each in left:
            check(*each)


def test_the_suite_catches_a_log_that_acknowledges_before_the_sync(monkeypatch, tmp_path):
    left = crash_everywhere(monkeypatch, tmp_path, sync=nothing)
    with pytest.raises(AssertionError):
        for each in left:
            check(*each)


BROKEN = {
    "an index that is believed whatever it covers": ("never", "store.recovery.trusted_indexes._agree", lambda *_: True),
    "a stop that is always called clean": ("never", "store.recovery.survey.Found.clean", property(lambda _: True)),
    "heads that are ahead": (
        "group",
        "store.streams.stream_table.StreamTable.settled",
        lambda table: [table.revisions[number] + 1 for number in range(len(table.streams))],
    ),
    "commands that are forgotten": ("group", "store.reading.committed.commands_of", lambda _: iter(())),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_suite_catches_a_log_that_is_broken(monkeypatch, tmp_path, broken):
    policy, name, replacement = BROKEN[broken]
    monkeypatch.setattr(name, replacement)
    left = crash_everywhere(monkeypatch, tmp_path, policy)
    with pytest.raises(AssertionError):
        for each in left:
            check(*each)


def crash_with_a_hole(tmp_path):
    """A group of three frames that nobody was told of: of the first the disk has nothing, of the others everything."""
    directory, left = tmp_path / "log", tmp_path / "left"
    with EventLog.open(directory, limits=Limits(reserve_bytes=0)) as log:
        log.append([event(0)], stream="s0", command_id="c0")
        (path,) = directory.glob("*.segment")
        begin = log.stats().bytes
        mark = (directory / MARK_NAME).read_bytes()
        log.steps.flush(log.steps.stage([Append(events=[event(n)], agent="a", stream=f"s{n % 2}") for n in (1, 2, 3)]))
        shutil.copytree(directory, left)
        content = bytearray(path.read_bytes().rstrip(b"\0"))
    hole = len(content) - begin
    content[begin : begin + hole // 3] = bytes(hole // 3)
    (left / path.name).write_bytes(content)
    (left / MARK_NAME).write_bytes(mark)
    return left


def test_a_later_frame_on_disk_without_an_earlier_one_is_cut_with_it(tmp_path):
    left = crash_with_a_hole(tmp_path)
    check("writeback", left, 1)
    with EventLog.open(left) as log:
        assert log.head == 2


def test_that_check_catches_a_recovery_that_takes_what_is_behind_a_hole_for_durable(monkeypatch, tmp_path):
    left = crash_with_a_hole(tmp_path)

    monkeypatch.setattr("store.recovery.what_counts.frames_behind", Behind(recovery.frames_behind))
    with pytest.raises(AssertionError):
        check("writeback", left, 1)


class Behind:
    """Frames behind a bad spot, each said to have been durable."""

    def __init__(self, real):
        self.real = real

    def __call__(self, data, offset, salt):
        for frame in self.real(data, offset, salt):
            yield msgspec.structs.replace(frame, durable=frame.first_sequence)
