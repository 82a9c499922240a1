"""The hole behind the last frame of a log that syncs often."""

import errno
import os
import shutil

import pytest

from store import EventLog, Limits, NewEvent, Retention, backup, verify
from store.disk.sync import HOLE_BYTES

NOTE = NewEvent(type="note", data={"n": 1})


def _segment(directory):
    return max(directory.glob("*.segment"))


@pytest.mark.parametrize("policy", ["always", "group"])
def test_the_file_does_not_grow_with_every_durable_append_and_has_its_own_length_after_a_stop(tmp_path, policy):
    with EventLog.open(tmp_path, fsync=policy) as log:
        sizes = set()
        for _ in range(20):
            log.append([NOTE])
            sizes.add(_segment(tmp_path).stat().st_size)
        assert len(sizes) == 1
        assert HOLE_BYTES < max(sizes) < 2 * HOLE_BYTES
        written = log.stats().bytes
        assert not any(_segment(tmp_path).read_bytes()[written:])
    assert _segment(tmp_path).stat().st_size == written
    with EventLog.open(tmp_path) as log:
        assert len(list(log.read())) == log.append([NOTE]).last_sequence - 1 == 20


@pytest.mark.parametrize("policy", ["interval:10", "never"])
def test_a_log_that_does_not_wait_for_the_disk_has_no_hole(tmp_path, policy):
    with EventLog.open(tmp_path, fsync=policy) as log:
        log.append([NOTE])
        assert _segment(tmp_path).stat().st_size == log.stats().bytes


def test_large_appends_leave_no_hole(tmp_path):
    with EventLog.open(tmp_path) as log:
        log.append([NewEvent(type="t", data="x" * 1000)] * 100)
        assert _segment(tmp_path).stat().st_size == log.stats().bytes


def test_the_hole_is_no_damage_for_who_reads_meanwhile_or_after_a_kill(tmp_path):
    with EventLog.open(tmp_path / "log") as log:
        log.append([NOTE, NOTE])
        shutil.copytree(tmp_path / "log", tmp_path / "killed")
        assert verify(tmp_path / "log").events == 2
        assert backup(tmp_path / "log", tmp_path / "copy").last_sequence == 2
        assert _segment(tmp_path / "copy").stat().st_size == log.stats().bytes
    with EventLog.open(tmp_path / "killed") as log:
        assert log.append([NOTE]).first_sequence == 3
    assert verify(tmp_path / "killed").ok
    assert all(b"\0" * 1000 not in path.read_bytes() for path in (tmp_path / "killed").glob("*.segment"))


def test_a_segment_that_is_complete_keeps_no_hole(tmp_path):
    with EventLog.open(tmp_path, limits=Limits(segment_bytes=2000)) as log:
        for _ in range(100):
            log.append([NOTE])
        complete = sorted(tmp_path.glob("*.segment"))[:-1]
        assert len(complete) > 3
        assert all(path.read_bytes()[-1] for path in complete)
        assert log.retire(Retention(max_bytes=log.stats().bytes)).segments == 0
        assert _segment(tmp_path).stat().st_size <= 2000


def test_where_a_file_may_not_become_longer_it_grows_as_it_is_written(tmp_path, monkeypatch):
    def too_long(_fd, _size):
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    with EventLog.open(tmp_path) as log, monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", too_long)
        for _ in range(2):
            log.append([NOTE])
            assert _segment(tmp_path).stat().st_size == log.stats().bytes
    assert verify(tmp_path).events == 2
