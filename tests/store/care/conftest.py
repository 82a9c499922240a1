"""What the tests of restoring share."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import backup

from numbered_log import fill


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, Path]:
    """Return a log of twenty events and a backup of its first ten."""
    log, copy = tmp_path / "log", tmp_path / "backup"
    fill(log, 1, 10)
    backup(log, copy)
    fill(log, 11, 20)
    return log, copy
