"""Fresh directories for rounds that each need their own."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def fresh(parent: Path) -> Generator[Path]:
    """Make an empty directory in `parent` and remove it with all that is in it afterwards."""
    with tempfile.TemporaryDirectory(prefix="round-", dir=parent) as name:
        yield Path(name)
