"""What the tests of the log share: a clock that stands still until it is told, and logs of both kinds."""

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


@pytest.fixture(params=["files", "memory"])
def log(request, tmp_path, clock):
    opened = EventLog.open(tmp_path / "log", clock_ns=clock) if request.param == "files" else MemoryLog(clock_ns=clock)
    with opened:
        yield opened
