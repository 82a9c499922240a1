"""One writer: an advisory lock on the data directory that the kernel releases when its holder dies.

A forked process has its parent's descriptors, and the kernel takes a lock for held as long as one of them is open. So
the child closes its own at once: the lock is the parent's alone, and goes with it.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from weakref import WeakSet

from store.errors import DiskFull, Invalid, LogLocked

LOCK_NAME = "lock"


class DirectoryLock:
    """Holds the data directory for this process; the lock file names the holder's pid.

    Attributes:
        when_lost: is called in a process that was forked from the holder, with what to answer there from then on.
    """

    def __init__(self, directory: Path) -> None:
        self.when_lost: Callable[[LogLocked], None] = _unheard
        self._directory = directory
        self._pid = os.getpid()
        self._fd = _open(directory / LOCK_NAME)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _read_pid(self._fd)
            os.close(self._fd)
            raise LogLocked(str(directory), pid) from None
        with contextlib.suppress(OSError):  # the number is a courtesy: on a full disk the lock holds without it
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, b"%d\n" % self._pid, 0)
        _held.add(self)

    def lose(self) -> None:
        """Give the directory up in a forked process, without taking it from the parent."""
        if self._fd >= 0:
            self.release()
            self.when_lost(LogLocked(str(self._directory), self._pid, forked=True))

    def release(self) -> None:
        """Give the directory up; once is enough, twice does no harm."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


_held: WeakSet[DirectoryLock] = WeakSet()
"""Every lock of this process."""


def _lose_all() -> None:
    for lock in list(_held):
        lock.lose()


os.register_at_fork(after_in_child=_lose_all)


def _unheard(_why: LogLocked) -> None:
    """Nobody is there yet to be told."""


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"no space for {path}: free some and open the log again") from error
        if error.errno == errno.ELOOP:
            raise Invalid(f"{path} is a symbolic link, which no log makes: choose another directory") from error
        raise


def _read_pid(fd: int) -> int | None:
    text = os.pread(fd, 32, 0).strip()
    return int(text) if text.isdigit() else None
