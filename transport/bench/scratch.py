"""Fresh directories for rounds that each need their own."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_numbers = itertools.count(1)


@contextmanager
def fresh(parent: Path) -> Generator[Path]:
    """Make an empty directory in `parent` and remove it with all that is in it afterwards."""
    directory = parent / f"round-{next(_numbers)}"
    directory.mkdir()
    try:
        yield directory
    finally:
        shutil.rmtree(directory)
