"""What is told of acknowledged events that were unreadable when the log was opened."""

from __future__ import annotations

from store import Append, LogStats, NewEvent
from store.erasing.erasure import LOG_STREAM

LOST = "moothall.log.lost"
"""The type of such an event: how many, and the sequence that the first of them had."""


def described(stats: LogStats) -> str:
    """Say what was lost, in a sentence; nothing if nothing was."""
    if not stats.lost:
        return ""
    return (
        f"the last {stats.lost} acknowledged events, from {stats.head + 1} on, were unreadable at the start: "
        "their bytes are in the data directory under removed-*; check the disk"
    )


def told(stats: LogStats) -> Append:
    """Return the append that tells of it."""
    event = NewEvent(type=LOST, data={"events": stats.lost, "first_sequence": stats.head + 1}, stream=LOG_STREAM)
    return Append(events=[event], agent="moothall", stream=LOG_STREAM)
