"""A disk whose every call may fail: the log answers with its own errors, and acknowledges nothing that is not there.

A sync that fails loses what it should have written, as on Linux, where the next one succeeds without it.
"""

import contextlib
import os
import shutil

import pytest

from store import DiskFull, LogDamaged, StoreError, SyncFailed

import workloads
from crashes import Disk, put
from judge import judge

FAULTS = [
    ("write", "EIO", "once", SyncFailed),
    ("write", "ENOSPC", "once", DiskFull),
    ("write", "ENOSPC", "always", DiskFull),
    ("sync", "EIO", "once", SyncFailed),
    ("syncdir", "EIO", "once", SyncFailed),
    ("create", "ENOSPC", "always", DiskFull),
    ("rename", "EIO", "once", SyncFailed),
    ("rename", "ENOSPC", "once", DiskFull),
    ("unlink", "EIO", "once", SyncFailed),
    ("truncate", "EIO", "once", SyncFailed),
    ("mkdir", "ENOSPC", "once", DiskFull),
    ("read", "EIO", "once", LogDamaged),
]


def turns(kind):
    """Which calls of a kind fail, one after the other: all, but for the kinds of which there are very many."""
    number = 1
    while True:
        yield number
        number += 17 if number > 5 and kind in {"read", "write"} else 1


class Trial:
    """Does some work on a disk with one fault; knows what the log said and what is left."""

    def __init__(self, disk):
        self._disk, self._recorded = disk, Disk()
        self.number = 0

    def run(self, order):
        """Return whether the fault came up, and the error that the log answered with."""
        self.number += 1
        self.home = self._disk.mount / str(self.number)
        self.home.mkdir()
        self._disk.fail(order)
        error = None
        try:
            workloads.twice(self.home, "group", self._tell)
        except StoreError as answer:
            error = answer
        self._disk.fail("")
        entries = self._disk.new_entries()
        self.said = [rest[0] for kind, *rest in entries if kind == "say"]
        for entry in entries:
            self._recorded.apply(*entry)
        return any(kind == "failed" for kind, *_ in entries), error

    def _tell(self, text):
        os.setxattr(self._disk.mount, "user.say", text.encode())

    def left(self):
        """Yield what is there now, and what a power cut would leave; then make room for the next."""
        yield self._recorded.killed().tree()[str(self.number)], False
        self._recorded.apply("syncdir", 1)  # only the test knows of the directory around the log
        yield self._recorded.cut(lambda: False).tree()[str(self.number)], True
        shutil.rmtree(self.home)


def promises_are_kept(disk, left, kind, error, how):
    """The property, for each call of a kind in turn; returns the errors that the log answered with."""
    trial, answers = Trial(disk), set()
    for turn in turns(kind):
        came_up, answer = trial.run(f"{kind} {turn} {error} {how}")
        if not came_up:
            return answers
        answers.add(type(answer))
        for tree, powerless in trial.left():
            put(tree, left)
            try:
                judge(left, trial.said, powerless=powerless)
            except (AssertionError, StoreError) as broken:
                raise AssertionError(f"{kind} number {turn} failed, the log said {answer!r}: {broken}") from broken
    raise AssertionError("the work never ends")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "error", "how", "answer"), FAULTS)
def test_a_call_that_fails_is_answered_with_an_error_of_the_log_and_breaks_no_promise(  # noqa: PLR0917 - a table
    recording_disk, left, kind, error, how, answer
):
    with recording_disk() as disk:
        assert promises_are_kept(disk, left, kind, error, how) <= {answer, type(None)}


def tries_again(fd):
    try:
        os.fdatasync(fd)
    except OSError:
        os.fdatasync(fd)


def takes_it_for_done(fd):
    with contextlib.suppress(OSError):
        os.fdatasync(fd)


@pytest.mark.slow
@pytest.mark.parametrize("broken", [tries_again, takes_it_for_done])
def test_when_a_sync_fails_the_suite_catches_a_log_that(recording_disk, left, monkeypatch, broken):
    monkeypatch.setattr("workloads.sync", broken)
    with recording_disk() as disk, pytest.raises(AssertionError):
        promises_are_kept(disk, left, "sync", "EIO", "once")
