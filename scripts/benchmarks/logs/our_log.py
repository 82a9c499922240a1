"""Our event log, as peers are measured."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from store import Event, EventLog, Limits, MemoryLog, NewEvent

_LIMITS = Limits(batch_events=10_000)
"""As they are by default, but for batches that no client may send."""


class OurLog:
    """Our log with the methods that are measured.

    Args:
        log: It.
    """

    def __init__(self, log: EventLog | MemoryLog) -> None:
        self._log = log

    @property
    def head(self) -> int:
        """The last sequence."""
        return self._log.head

    def append(self, events: list[NewEvent], *, agent: str) -> None:
        """Store events atomically."""
        self._log.append(events, agent=agent)

    def last_of_type(self, kind: str, limit: int) -> Sequence[Event]:
        """Return the newest events of a type, newest first."""
        return self._log.query(types=(kind,), order="desc", limit=limit).events

    def of_stream(self, stream: str, after_revision: int, limit: int) -> Sequence[Event]:
        """Return the events of a stream after a revision."""
        return self._log.query(stream=stream, after_revision=after_revision, limit=limit).events

    def read(self) -> Iterator[Event]:
        """Yield every event in order."""
        return self._log.read()


@contextmanager
def open_store(directory: Path, policy: str) -> Generator[OurLog]:
    """Open our log in a directory; under the policy `memory` it has no file."""
    opened = MemoryLog(limits=_LIMITS) if policy == "memory" else EventLog.open(directory, fsync=policy, limits=_LIMITS)
    with opened as log:
        yield OurLog(log)
