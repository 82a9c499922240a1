"""What the tests of the log share: a clock that stands still until it is told, and logs of both kinds."""

import contextlib
import os
import resource
import shutil
from dataclasses import dataclass

import pytest

from store import EventLog, MemoryLog


@dataclass
class Clock:
    """A wall clock for tests."""

    now_ns: int = 1_000

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["files", "files, without the native part", "memory"])
def log(request, tmp_path, clock, monkeypatch):
    if request.param == "memory":
        opened = MemoryLog(clock_ns=clock)
    else:
        monkeypatch.setenv("MOOTHALL_PURE", "1" if "without" in request.param else "0")
        opened = EventLog.open(tmp_path / "log", clock_ns=clock)
    with opened:
        yield opened


class CrashCamera:
    """Takes a picture of a directory before and after every change that is made to it, and in the middle of writes.

    Each picture comes twice: as a killed process leaves it, and as a power cut might: files that were never synced are
    as they were when they last were.
    """

    def __init__(self, directory, album):
        self.directory, self.album = directory, album
        self.pictures = []
        self._synced = {}
        self._taking = False

    def take(self):
        if self._taking:
            return  # taking a picture makes directories, too
        self._taking = True
        for powerless in (False, True):
            picture = self.album / f"{len(self.pictures):04d}"
            shutil.copytree(self.directory, picture)
            if powerless:
                for path in self.directory.rglob("*"):
                    if (key := path.stat().st_ino) in self._synced:
                        (picture / path.relative_to(self.directory)).write_bytes(self._synced[key])
            self.pictures.append(picture)
        self._taking = False

    def write(self, fd, data, offset):
        status = os.fstat(fd)
        self._synced.setdefault(status.st_ino, self._pread(fd, status.st_size, 0) if status.st_size else b"")
        half = len(data) // 2
        self._pwrite(fd, data[:half], offset)
        self.take()
        written = half + self._pwrite(fd, data[half:], offset + half)
        self.take()
        return written

    def sync(self, fd):
        self._synced.pop(os.fstat(fd).st_ino, None)
        self.take()

    @contextlib.contextmanager
    def rolling(self):
        self._pwrite, self._pread = os.pwrite, os.pread
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "pwrite", self.write)
            patch.setattr(os, "fsync", self.sync)
            patch.setattr(os, "fdatasync", self.sync)
            for name in ("replace", "unlink", "truncate", "ftruncate", "mkdir"):
                patch.setattr(os, name, self._before(getattr(os, name)))
            self.take()
            yield
            self.take()

    def _before(self, change):
        def changing(*args, **kwargs):
            self.take()
            return change(*args, **kwargs)

        return changing


@pytest.fixture
def camera(tmp_path):
    def place(directory):
        album = tmp_path / "album"
        album.mkdir()
        return CrashCamera(directory, album)

    return place


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """Undo a test's limit on the size of files before pytest reports: its own output may be a file, too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        return (yield)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
