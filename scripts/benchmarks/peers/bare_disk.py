"""The bare disk: what no durable append can go without."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from store import NewEvent

RECORD_BYTES = 200
"""About what one event of the workload takes as a record."""


class Disk:
    """A file that is synced after each write.

    Args:
        fd: It, open for appending.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def append(self, events: list[NewEvent], *, agent: str) -> None:
        """Write as many bytes as the records of such events would take, and sync."""
        os.write(self._fd, bytes(RECORD_BYTES * len(events)))
        os.fdatasync(self._fd)


@contextmanager
def open_store(directory: Path, _policy: str) -> Generator[Disk]:
    """Open a file in a directory, synced whatever the policy."""
    fd = os.open(directory / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield Disk(fd)
    finally:
        os.close(fd)
