"""Where durable work is measured: on the disk that the checkout is on, never in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring.machine import ROOT, filesystem

IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})


@contextmanager
def bench_directory(note: Callable[[str], None]) -> Generator[Path]:
    """Make an empty directory for the run and remove it afterwards.

    `TMPDIR` decides where. Without it, the directory is made beside the checkout, else in it, in the working directory
    or in `/var/tmp`: in the first of them that can be written and is on a disk.

    Args:
        note: Told where it is and on what file system.

    Raises:
        OSError: Nothing can be written anywhere.
    """
    with tempfile.TemporaryDirectory(prefix="moothall-bench-", dir=_parent()) as name:
        directory = Path(name)
        kind = filesystem(directory)
        note(f"writing to {directory} ({kind})")
        if kind in IN_MEMORY:
            note(
                f"{kind} keeps files in memory: durable figures mean nothing here; set TMPDIR to a directory on a disk"
            )
        yield directory


@contextmanager
def fresh(parent: Path) -> Generator[Path]:
    """Make an empty directory in `parent` for a round, and remove it with all that is in it afterwards."""
    with tempfile.TemporaryDirectory(prefix="round-", dir=parent) as name:
        yield Path(name)


def _parent() -> Path:
    if given := os.environ.get("TMPDIR"):
        return Path(given)
    candidates = [ROOT.parent, ROOT, Path.cwd(), Path("/var/tmp")]  # noqa: S108 - a directory of our own is made in it
    writable = [each for each in candidates if os.access(each, os.W_OK)]
    on_disk = [each for each in writable if filesystem(each) not in IN_MEMORY]
    return (on_disk or writable or [Path(tempfile.gettempdir())])[0]
