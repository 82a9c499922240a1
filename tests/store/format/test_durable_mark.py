"""The durable mark: damage to what was acknowledged last is told, unlike a torn tail."""

import errno
import os
import shutil

import pytest

from store import Append, DiskFull, EventLog, Limits, NewEvent, verify
from store.format.durable_mark import MARK_NAME, DurableMark, read_durable_mark

NOTE = NewEvent(type="note", data={"n": 1})
LIMITS = Limits(segment_bytes=4000, reserve_bytes=100)


def killed(log, path):
    """What a killed process leaves."""
    copy = path.with_name("killed")
    shutil.copytree(path, copy)
    log.close()
    return copy


def damage(path):
    last = max(path.glob("*.segment"))
    content = bytearray(last.read_bytes())
    content[len(content.rstrip(b"\0")) - 1] ^= 1  # behind it may be a hole
    last.write_bytes(content)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


@pytest.mark.parametrize("fsync", ["always", "group"])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_damage_to_the_last_acknowledged_group_of_a_killed_process_is_cut_kept_and_told(path, fsync, count):
    log = EventLog.open(path, fsync, limits=LIMITS)
    for _ in range(count):
        log.append([NOTE])
    left = killed(log, path)
    damage(left)
    (problem,) = verify(left).problems
    assert f"the last 1 acknowledged events, from {count} on, are unreadable" in problem
    with EventLog.open(left) as opened:
        assert (opened.head, opened.stats().lost) == (count - 1, 1)
    assert any(file.stat().st_size for file in (left / "removed-1").iterdir())
    assert verify(left).ok
    with EventLog.open(left) as opened:
        assert opened.stats().lost == 0


def test_what_was_written_and_not_yet_synced_is_still_cut(path):
    log = EventLog.open(path, "never")
    log.append([NOTE])
    log.sync()
    log.append([NOTE])
    left = killed(log, path)
    damage(left)
    with EventLog.open(left) as opened:
        assert (opened.head, opened.stats().lost) == (1, 0)


@pytest.mark.parametrize("content", [None, b"", b"x" * 16, b"x" * 40, b"MHdm" + bytes(12)])
def test_a_mark_that_is_lost_or_illegible_promises_nothing(path, content):
    log = EventLog.open(path)
    log.append([NOTE])
    log.append([NOTE])
    left = killed(log, path)
    damage(left)
    (left / MARK_NAME).unlink()
    if content is not None:
        (left / MARK_NAME).write_bytes(content)
    with EventLog.open(left) as opened:
        assert opened.head == 1


def test_a_group_that_is_taken_back_is_not_promised_any_more(path, monkeypatch):
    log = EventLog.open(path, "always", limits=LIMITS)
    log.append([NOTE])
    written, real = [], os.pwritev

    def full_after_two(fd, parts, offset):
        written.append(offset)
        if len(written) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, parts, offset)

    monkeypatch.setattr(os, "pwritev", full_after_two)
    outcomes = log.commit([Append(events=[NOTE], agent="a") for _ in range(4)])
    assert all(isinstance(outcome, DiskFull) for outcome in outcomes)
    monkeypatch.undo()
    left = killed(log, path)
    assert read_durable_mark(left) == 1
    with EventLog.open(left) as opened:
        assert opened.head == 1


def test_a_disk_without_room_for_the_mark_stores_what_it_speaks_of(path, monkeypatch):
    with EventLog.open(path) as log:
        real = os.pwrite
        monkeypatch.setattr(
            os, "pwrite", lambda fd, data, at: real(fd, data, at) if data[:4] != b"MHdm" else real(-1, data, at)
        )
        assert log.append([NOTE]).first_sequence == 1
    assert verify(path).ok


def test_a_mark_reads_back_as_it_was_written(tmp_path):
    mark = DurableMark(tmp_path)
    assert read_durable_mark(tmp_path) == 0
    for last in (1, 2**40, 7):
        mark.move(last)
        assert read_durable_mark(tmp_path) == last
    mark.close()
