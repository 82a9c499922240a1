"""Backups: taken while the log grows, a segment at a time, and opened as logs."""

import shutil
import sys
import threading
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from store import EventLog, Invalid, Limits, LogDamaged, LogLocked, NewEvent, Retention, StoreError, backup, verify

MODULE = sys.modules["store.care.backup"]
SMALL = Limits(segment_bytes=600, reserve_bytes=4096)


def open_log(path, fsync="group", **kwargs):
    return EventLog.open(path, fsync, limits=SMALL, **kwargs)


def add(log, count):
    for _ in range(count):
        log.append([NewEvent(type="t", data={"n": log.head})], stream=f"s{log.head % 2}", command_id=f"c{log.head}")


def numbers(path):
    with open_log(path, sync=lambda _: None) as log:
        return [event.data["n"] for event in log.read()]


def restored(path, tmp_path):
    """What is in a backup, without touching it."""
    copy = tmp_path / "restored"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(path, copy)
    assert verify(copy).ok
    return numbers(copy)


def content(path):
    return {file.name: file.read_bytes() for file in path.iterdir() if file.name != "lock"}


def every_backup_has_all_that_was_acknowledged(tmp_path):
    """The property: whatever was appended before a backup began is in it, whichever segment it is in."""
    with open_log(tmp_path / "log") as log:
        for _ in range(14):
            add(log, 1)
            assert backup(tmp_path / "log", tmp_path / "backup").last_sequence == log.head
            assert restored(tmp_path / "backup", tmp_path) == list(range(log.head))
        assert log.stats().segments > 2


def test_a_backup_of_a_log_that_is_open_has_all_that_was_acknowledged(tmp_path):
    every_backup_has_all_that_was_acknowledged(tmp_path)


def test_the_check_on_backups_catches_one_that_misses_the_segment_being_written(tmp_path, monkeypatch):
    monkeypatch.setattr(MODULE, "segment_names", lambda path: real(path)[:-1] or real(path))
    real = sys.modules["store.format.segment_files"].segment_names
    with pytest.raises((AssertionError, LogDamaged, Invalid)):
        every_backup_has_all_that_was_acknowledged(tmp_path)


def test_a_restored_backup_goes_on_as_a_log_of_its_own_epoch(tmp_path):
    with open_log(tmp_path / "log") as log:
        add(log, 7)
        epoch = log.epoch
    backup(tmp_path / "log", tmp_path / "backup")
    with open_log(tmp_path / "backup") as log:
        assert log.epoch != epoch
        assert log.append([NewEvent(type="t", data={"n": 3})], stream="s1", command_id="c3").deduplicated
        assert log.append([NewEvent(type="t")], stream="s0").revisions == {"s0": 5}


def test_only_what_changed_is_written_again(tmp_path):
    with open_log(tmp_path / "log") as log:
        add(log, 12)
        first = backup(tmp_path / "log", tmp_path / "backup")
        assert first.written == first.segments == log.stats().segments
        times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "backup").glob("*.segment")}
        again = backup(tmp_path / "log", tmp_path / "backup")
        assert (again.written, again.bytes, again.segments) == (0, 0, first.segments)
        add(log, 1)
        assert backup(tmp_path / "log", tmp_path / "backup").written == 1
        for path in sorted((tmp_path / "backup").glob("*.segment"))[:-1]:
            assert path.stat().st_mtime_ns == times[path.name]


def test_sealed_segments_that_are_in_the_backup_are_not_read_again(tmp_path, monkeypatch):
    with open_log(tmp_path / "log") as log:
        add(log, 30)
        backup(tmp_path / "log", tmp_path / "backup")
        read = []
        scan = MODULE.scan_segment
        monkeypatch.setattr(MODULE, "scan_segment", lambda name, data: read.append(name) or scan(name, data))
        backup(tmp_path / "log", tmp_path / "backup")
        assert len(set(read)) == 1


def test_a_backup_is_taken_while_another_thread_appends(tmp_path):
    stop = threading.Event()
    with open_log(tmp_path / "log", "never") as log:

        def append():
            while not stop.is_set():
                add(log, 1)

        thread = threading.Thread(target=append)
        thread.start()
        try:
            reached = [backup(tmp_path / "log", tmp_path / "backup").last_sequence for _ in range(6)]
        finally:
            stop.set()
            thread.join()
    assert reached == sorted(reached)
    assert restored(tmp_path / "backup", tmp_path) == list(range(reached[-1]))


def test_the_end_of_a_crashed_log_is_in_the_backup_only_as_far_as_it_is_whole(tmp_path):
    with open_log(tmp_path / "log") as log:
        add(log, 2)
        shutil.copytree(tmp_path / "log", tmp_path / "crashed")
        add(log, 1)
        last = max((tmp_path / "log").glob("*.segment"))
        shutil.copy(last, tmp_path / "crashed")  # the group was written, and not yet synced when the process was killed
    last = max((tmp_path / "crashed").glob("*.segment"))
    last.write_bytes(last.read_bytes().rstrip(b"\0")[:-3])
    backup(tmp_path / "crashed", tmp_path / "backup")
    assert restored(tmp_path / "backup", tmp_path) == [0, 1]


def test_a_damaged_log_does_not_harm_its_backup(tmp_path):
    with open_log(tmp_path / "log") as log:
        add(log, 4)
        backup(tmp_path / "log", tmp_path / "backup")
        add(log, 20)
    before = content(tmp_path / "backup")
    middle = sorted((tmp_path / "log").glob("*.segment"))[2]
    broken = bytearray(middle.read_bytes())
    broken[-1] ^= 1
    middle.write_bytes(broken)
    with pytest.raises(LogDamaged, match=middle.name):
        backup(tmp_path / "log", tmp_path / "backup")
    assert content(tmp_path / "backup") == before


def test_a_log_that_lost_events_does_not_take_them_from_its_backup(tmp_path):
    with open_log(tmp_path / "log") as log:
        add(log, 4)
        shutil.copytree(tmp_path / "log", tmp_path / "earlier")
        add(log, 4)
    backup(tmp_path / "log", tmp_path / "backup")
    before = content(tmp_path / "backup")
    with pytest.raises(Invalid, match="holds event 8"):
        backup(tmp_path / "earlier", tmp_path / "backup")
    with open_log(tmp_path / "earlier") as log:
        add(log, 10)
    with pytest.raises(Invalid, match="does not hold like that"):
        backup(tmp_path / "earlier", tmp_path / "backup")
    assert content(tmp_path / "backup") == before


def test_a_backup_that_was_written_to_as_a_log_is_not_overwritten(tmp_path):
    with open_log(tmp_path / "log") as log:
        add(log, 4)
        backup(tmp_path / "log", tmp_path / "backup")
        with open_log(tmp_path / "backup") as other:
            with pytest.raises(LogLocked):
                backup(tmp_path / "log", tmp_path / "backup")
            add(other, 1)
        add(log, 1)
        with pytest.raises(Invalid):
            backup(tmp_path / "log", tmp_path / "backup")


def test_a_backup_that_was_only_looked_at_is_brought_up_to_date(tmp_path):
    with open_log(tmp_path / "log") as log:
        add(log, 8)
        backup(tmp_path / "log", tmp_path / "backup")
        numbers(tmp_path / "backup")
        add(log, 8)
        backup(tmp_path / "log", tmp_path / "backup")
    assert restored(tmp_path / "backup", tmp_path) == list(range(16))


def test_a_log_is_no_backup_of_itself_and_an_absent_one_has_none(tmp_path):
    open_log(tmp_path / "log").close()
    with pytest.raises(Invalid, match="the log itself"):
        backup(tmp_path / "log", tmp_path / "." / "log")
    with pytest.raises(FileNotFoundError):
        backup(tmp_path / "missing", tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_log_without_its_first_segment_has_no_backup(tmp_path):
    with open_log(tmp_path / "log") as log:
        add(log, 8)
    min((tmp_path / "log").glob("*.segment")).unlink()
    with pytest.raises(LogDamaged):
        backup(tmp_path / "log", tmp_path / "backup")


def a_crash_leaves_a_backup_that_opens(tmp_path, camera, grow):
    """The property: at every moment the backup opens, and has at least what it had before."""
    with open_log(tmp_path / "log") as log:
        add(log, 7)
        backup(tmp_path / "log", tmp_path / "backup")
    grow(tmp_path / "log")
    shots = camera(tmp_path / "backup")
    with shots.rolling():
        whole = backup(tmp_path / "log", tmp_path / "backup").last_sequence
    assert len(shots.pictures) > 10
    for picture in shots.pictures:
        found = numbers(picture)
        assert found == list(range(len(found)))
        assert 7 <= len(found) <= whole
        assert backup(tmp_path / "log", picture).last_sequence == whole
        assert numbers(picture) == list(range(whole))


def growing(path):
    with open_log(path) as log:
        add(log, 14)


def renewing(path):
    """The log was killed, so its tail was written again."""
    (path / "clean").unlink()
    with open_log(path) as log:
        add(log, 9)


@pytest.mark.parametrize("grow", [growing, renewing])
def test_a_crash_in_the_middle_of_a_backup_leaves_one_that_opens(tmp_path, camera, grow):
    a_crash_leaves_a_backup_that_opens(tmp_path, camera, grow)


@pytest.mark.parametrize(
    ("place", "name", "bug"),
    [
        ("store.disk.files", "sync_file", lambda *_: None),
        ("store.care.backup", "_in_two", lambda copy, kept: (kept[::-1], [])),
    ],
)
def test_the_check_on_crashes_catches_a_backup_that_skips_or_swaps_a_step(  # noqa: PLR0917 - a table of three columns
    tmp_path, camera, monkeypatch, place, name, bug
):
    monkeypatch.setattr(sys.modules[place], name, bug)
    with pytest.raises((AssertionError, LogDamaged)):
        a_crash_leaves_a_backup_that_opens(tmp_path, camera, growing)


class BackupsOfALogThatLives(RuleBasedStateMachine):
    """Appends, clean stops, crashes with torn tails, and backups, in any order."""

    @initialize()
    def begin(self):
        self.home = Path(mkdtemp())
        self.path, self.generation, self.expected = self.home / "log0", 0, 0
        self.log = open_log(self.path, sync=lambda _: None)

    @rule(count=st.integers(1, 5))
    def append(self, count):
        add(self.log, count)

    @rule()
    def stop(self):
        self.log.close()
        self.log = open_log(self.path, sync=lambda _: None)

    @rule(garbage=st.binary(max_size=40))
    def crash(self, garbage):
        self.generation += 1
        copy = self.home / f"log{self.generation}"
        shutil.copytree(self.path, copy)
        self.log.close()
        (copy / "clean").unlink(missing_ok=True)
        for last in sorted(copy.glob("*.segment"))[-1:]:
            last.write_bytes(last.read_bytes() + garbage)
        self.path = copy
        self.log = open_log(self.path, sync=lambda _: None)

    @rule()
    def back_up(self):
        assert backup(self.path, self.home / "backup").last_sequence == self.log.head
        assert restored(self.home / "backup", self.home) == list(range(self.log.head))

    def teardown(self):
        self.log.close()
        shutil.rmtree(self.home)


TestBackupsOfALogThatLives = BackupsOfALogThatLives.TestCase
TestBackupsOfALogThatLives.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)


@pytest.mark.parametrize("name", ["lock", "gone.new"])
def test_a_link_that_somebody_planted_in_the_target_leads_to_no_other_file(tmp_path, name):
    with open_log(tmp_path / "log") as log:
        for _ in range(20):
            log.append([NewEvent(type="t")])
        log.retire(Retention(max_bytes=1000))
    victim, target = tmp_path / "victim", tmp_path / "target"
    victim.write_bytes(b"of somebody else")
    target.mkdir()
    (target / name).symlink_to(victim)
    with pytest.raises(StoreError, match="symbolic link"):
        backup(tmp_path / "log", target)
    assert victim.read_bytes() == b"of somebody else"
