"""What each actor counts, and the immutable picture of it that others may see."""

from __future__ import annotations

import msgspec


class Statistics(msgspec.Struct, frozen=True):
    """A snapshot of one actor's counters since its system began (restarts included).

    Attributes:
        depth: Messages that wait in the mailbox now.
        handled: Messages whose handler returned.
        expired: Messages dropped because their deadline had passed or their asker had gone.
        failed: Crashes of the actor.
        dropped: Messages dropped by a full `drop_oldest` mailbox.
        wait_us: Sum of the time that handled messages waited in the mailbox, in microseconds.
        busy_us: Sum of the time that the actor spent in handlers (their awaits included), in microseconds.
    """

    depth: int
    handled: int
    expired: int
    failed: int
    dropped: int
    wait_us: int
    busy_us: int


class ActorStatistics:
    """The counters of one name. Written by its actor alone."""

    __slots__ = ("busy_s", "dropped", "expired", "failed", "handled", "wait_s")

    def __init__(self) -> None:
        self.handled = 0
        self.expired = 0
        self.failed = 0
        self.dropped = 0
        self.wait_s = 0.0
        self.busy_s = 0.0

    def snapshot(self, depth: int) -> Statistics:
        """Return an immutable copy; `depth` is the mailbox's depth now."""
        return Statistics(
            depth=depth,
            handled=self.handled,
            expired=self.expired,
            failed=self.failed,
            dropped=self.dropped,
            wait_us=round(self.wait_s * 1e6),
            busy_us=round(self.busy_s * 1e6),
        )
