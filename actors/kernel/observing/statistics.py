"""What each actor counts, and the immutable picture of it that others may see."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Statistics(msgspec.Struct, frozen=True):
    """A snapshot of one actor's counters since its system began (restarts included).

    Attributes:
        depth: Messages that wait in the mailbox now.
        received: Messages that the mailbox took.
        handled: Messages whose handler returned.
        expired: Messages dropped because their deadline had passed or their asker had gone.
        lost: Messages that died with a crashed or stopped incarnation: queued ones, and the one that crashed it.
        failed: Crashes of the actor.
        dropped: Messages dropped by a full `drop_oldest` mailbox.
        wait_us: Sum of the time that handled messages waited in the mailbox, in microseconds.
        busy_us: Sum of the time that the actor spent in handlers (their awaits included), in microseconds.
    """

    depth: int
    received: int
    handled: int
    expired: int
    lost: int
    failed: int
    dropped: int
    wait_us: int
    busy_us: int


class MailboxCounts(Protocol):
    """What the mailbox of a running incarnation counts."""

    depth: int
    received: int
    dropped: int


class Counters:
    """The counters of one name. Written by its actor; its crashes by its supervisor."""

    __slots__ = ("busy_s", "dropped", "expired", "failed", "handled", "lost", "received", "wait_s")

    def __init__(self) -> None:
        self.received = 0
        self.handled = 0
        self.lost = 0
        self.expired = 0
        self.failed = 0
        self.dropped = 0
        self.wait_s = 0.0
        self.busy_s = 0.0

    def snapshot(self, mailbox: MailboxCounts | None) -> Statistics:
        """Return an immutable copy, with what the mailbox of the running incarnation has counted so far."""
        return Statistics(
            depth=mailbox.depth if mailbox is not None else 0,
            received=self.received + (mailbox.received if mailbox is not None else 0),
            handled=self.handled,
            expired=self.expired,
            lost=self.lost,
            failed=self.failed,
            dropped=self.dropped + (mailbox.dropped if mailbox is not None else 0),
            wait_us=round(self.wait_s * 1e6),
            busy_us=round(self.busy_s * 1e6),
        )
