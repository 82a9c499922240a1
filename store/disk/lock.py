"""One writer: an advisory lock on the data directory that the kernel releases when its holder dies."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from store.errors import DiskFull, Invalid, LogLocked

LOCK_NAME = "lock"


class DirectoryLock:
    """Holds the data directory for this process; the lock file names the holder's pid."""

    def __init__(self, directory: Path) -> None:
        self._fd = _open(directory / LOCK_NAME)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _read_pid(self._fd)
            os.close(self._fd)
            raise LogLocked(str(directory), pid) from None
        with contextlib.suppress(OSError):  # the number is a courtesy: on a full disk the lock holds without it
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Give the directory up; once is enough, twice does no harm."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


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
