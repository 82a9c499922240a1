"""A log of many small segments whose events are numbered."""

from __future__ import annotations

from pathlib import Path

from store import EventLog, Limits, NewEvent


def fill(directory: Path, first: int, last: int) -> None:
    """Append the events from one number to another."""
    with EventLog.open(directory, limits=Limits(segment_bytes=300)) as log:
        for n in range(first, last + 1):
            log.append([NewEvent(type="t", data={"n": n})], stream="s")


def numbers(directory: Path) -> list[int]:
    """Return the numbers of all events of a log."""
    with EventLog.open(directory) as log:
        return [event.data["n"] for event in log.read()]
