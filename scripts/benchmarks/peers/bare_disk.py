"""The bare disk: what no durable append can go without.

It is given every advantage: the same few megabytes are written again and again, so that a sync has only data to take to
the disk. Where a file grows, or is written for the first time, the file system's journal has to be committed too.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from store import NewEvent

RECORD_BYTES = 200
"""About what one event of the workload takes as a record."""

_AHEAD_BYTES = 8 << 20
"""How long the file is from the beginning: more than any batch takes."""


class Disk:
    """A file that is synced after each write.

    Args:
        fd: It, as long as it will be, and synced.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._at = 0

    def append(self, events: list[NewEvent], *, agent: str) -> None:
        """Write as many bytes as the records of such events would take, and sync."""
        size = RECORD_BYTES * len(events)
        if self._at + size > _AHEAD_BYTES:
            self._at = 0
        os.pwrite(self._fd, bytes(size), self._at)
        os.fdatasync(self._fd)
        self._at += size


@contextmanager
def open_store(directory: Path, _policy: str) -> Generator[Disk]:
    """Open a file in a directory, synced whatever the policy."""
    fd = os.open(directory / "raw", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.pwrite(fd, bytes(_AHEAD_BYTES), 0)
        os.fsync(fd)
        yield Disk(fd)
    finally:
        os.close(fd)
