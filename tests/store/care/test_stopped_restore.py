"""A restore that stops anywhere leaves the former log, the backup, or a log that says that it is neither."""

from __future__ import annotations

import errno
import io
import os
import shutil
from pathlib import Path

import pytest

from store import (
    DiskFull,
    EventLog,
    Invalid,
    LogDamaged,
    StoreError,
    backup,
    import_events,
    look,
    repair,
    restore,
    verify,
)

from numbered_log import fill, numbers

GONE = b'{"gone":3,"revisions":{"s":3}}\n'


@pytest.fixture(autouse=True)
def _disk_that_needs_no_time(monkeypatch):
    for call in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, call, lambda _: None)


CALLS = ("mkdir", "pwrite", "fsync", "replace", "unlink", "rmdir")
"""What restoring does to a disk."""

OLD, BACKUP, OLDER = list(range(1, 21)), list(range(1, 11)), list(range(1, 6))


class Stop:
    """Lets so many calls to the disk pass, and ends the next one: after it, as a killed process, or before it.

    Args:
        passing: how many calls pass.
        code: the error number of a disk that refuses that call; None for a stop once it is done.
    """

    def __init__(self, passing, code):
        self.left = passing
        self.code = code
        self.stopped = False

    def patch(self, monkeypatch):
        for call in CALLS:
            monkeypatch.setattr(os, call, self._watched(getattr(os, call)))

    def _watched(self, real):
        def call(*arguments, **kwargs):
            if is_lock(arguments[0]):
                return real(*arguments, **kwargs)  # with its process the lock is gone
            self.left -= 1
            last = self.left == -1
            self.stopped |= last
            if last and self.code is not None:
                raise OSError(self.code, os.strerror(self.code))
            result = real(*arguments, **kwargs)
            if last:
                raise KeyboardInterrupt
            return result

        return call


def is_lock(file):
    return isinstance(file, int) and Path(f"/proc/self/fd/{file}").readlink().name == "lock"


def restored(monkeypatch, copy, log, passing, code=None):
    """Restore, but for a stop; return what restoring said, None if it was stopped."""
    stop = Stop(passing, code)
    with monkeypatch.context() as patched:
        stop.patch(patched)
        try:
            done = restore(copy, log)
        except (KeyboardInterrupt, StoreError, OSError):
            assert stop.stopped
            return None
    return None if stop.stopped else done


def held(log):
    """Return the numbers that a log opens with; None if it says that it is damaged."""
    report = verify(log)
    try:
        found = numbers(log)
    except LogDamaged as error:
        assert (report.ok, report.problems) == (False, [str(error)])
        assert "restore that backup again" in str(error)
        return None
    assert (report.ok, report.events) == (True, len(found))
    return found


def beside(log):
    return {place.name: numbers(place) for place in log.glob("replaced-*")}


def assert_nothing_is_left_of_the_attempts(log):
    assert not (log / "restoring").exists()
    assert not [file for file in log.iterdir() if file.name.startswith("half-restored")]


@pytest.mark.parametrize("code", [None, errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("there_was_a_log", [True, False])
def test_a_stop_anywhere_leaves_no_shorter_log_without_a_word(kept, monkeypatch, tmp_path, code, there_was_a_log):
    original, copy = kept
    former = OLD if there_was_a_log else []
    seen = []
    for passing in range(1000):
        log = tmp_path / f"log{passing}"
        if there_was_a_log:
            shutil.copytree(original, log)
        if restored(monkeypatch, copy, log, passing, code):
            break
        if not log.exists():
            continue
        found = held(log)
        seen.append(found)
        assert found in (former, BACKUP, None)
        if found != BACKUP:
            done = restore(copy, log)
            assert done.replaced == (str(log / "replaced-1") if there_was_a_log else done.replaced)
        assert numbers(log) == BACKUP
        assert list(beside(log).values()).count(OLD) == there_was_a_log
        assert not there_was_a_log or list(beside(log)) == ["replaced-1"]
        assert_nothing_is_left_of_the_attempts(log)
    assert seen.count(None) > (20 if there_was_a_log else 10)
    assert former in seen


def test_however_often_it_is_stopped_the_former_log_is_whole_in_one_place(kept, monkeypatch):
    log, copy = kept
    stops = 0
    while not (done := restored(monkeypatch, copy, log, stops)):
        stops += 1
        if not (log / "half-restored").exists():
            continue
        with pytest.raises(LogDamaged):
            EventLog.open(log)
    assert (done.last_sequence, stops > 30) == (10, True)
    assert numbers(log) == BACKUP
    assert OLD in beside(log).values()
    assert_nothing_is_left_of_the_attempts(log)


def half_restored(kept, monkeypatch, tmp_path):
    """Return copies of the log, each stopped somewhere where it says that it is no whole log."""
    original, copy = kept
    logs = []
    for passing in range(1000):
        log = tmp_path / f"log{passing}"
        shutil.copytree(original, log)
        if restored(monkeypatch, copy, log, passing):
            break
        if (log / "half-restored").exists():
            logs.append(log)
    assert len(logs) > 20
    return logs


def test_after_a_stop_another_backup_can_be_restored_and_nothing_is_lost(kept, monkeypatch, tmp_path):
    older = tmp_path / "older"
    fill(tmp_path / "short", 1, 5)
    backup(tmp_path / "short", older)
    for log in half_restored(kept, monkeypatch, tmp_path):
        assert restore(older, log).replaced == str(log / "replaced-1")
        assert numbers(log) == OLDER
        assert numbers(log / "replaced-1") == OLD
        assert_nothing_is_left_of_the_attempts(log)


def test_files_that_somebody_moved_back_after_a_stop_are_not_lost(kept, monkeypatch, tmp_path):
    _, copy = kept
    log = half_restored(kept, monkeypatch, tmp_path)[-1]
    content = {file.read_bytes() for file in (log / "replaced-1").glob("*.segment")}
    for file in (log / "replaced-1").iterdir():
        file.replace(log / file.name)
    restore(copy, log)
    assert content <= {file.read_bytes() for file in log.rglob("*.segment")}
    assert numbers(log) == BACKUP


def test_a_mark_that_cannot_be_read_is_refused_too_and_nothing_is_lost(kept, monkeypatch, tmp_path):
    _, copy = kept
    for log in half_restored(kept, monkeypatch, tmp_path):
        content = {file.read_bytes() for file in log.rglob("*.segment") if file.parent.name != "restoring"}
        (log / "half-restored").write_bytes(b"")
        assert held(log) is None
        restore(copy, log)
        assert content <= {file.read_bytes() for file in log.rglob("*.segment")}
        assert numbers(log) == BACKUP


def test_a_half_restored_log_is_not_repaired_backed_up_imported_into_or_a_backup(kept, monkeypatch, tmp_path):
    _, copy = kept
    for log in half_restored(kept, monkeypatch, tmp_path):
        before = {file: file.read_bytes() for file in log.rglob("*") if file.is_file() and file.name != "lock"}
        for refused in (
            lambda log=log: repair(log, max_events=1000),
            lambda log=log: backup(log, tmp_path / "another"),
            lambda log=log: backup(copy, log),
            lambda log=log: restore(log, tmp_path / "elsewhere"),
            lambda log=log: look(log),
            lambda log=log: import_events(log, io.BytesIO(GONE)),
        ):
            with pytest.raises(LogDamaged, match="did not end"):
                refused()
        assert before == {file: file.read_bytes() for file in log.rglob("*") if file.is_file() and file.name != "lock"}


def test_what_an_attempt_has_copied_is_no_backup(kept, monkeypatch, tmp_path):
    log = half_restored(kept, monkeypatch, tmp_path)[0]
    with pytest.raises(Invalid):
        restore(log / "restoring", log)
    assert numbers(log / "restoring") == BACKUP


def test_a_full_disk_while_the_backup_is_copied_gets_its_space_back(kept, monkeypatch):
    log, copy = kept
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", lambda *_: (_ for _ in ()).throw(full))
        with pytest.raises(DiskFull, match="restore again"):
            restore(copy, log)
    assert_nothing_is_left_of_the_attempts(log)
    assert numbers(log) == OLD
