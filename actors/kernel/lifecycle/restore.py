"""Rebuilding an actor's state before its mailbox opens: a snapshot, then the events after it.

The kernel does not know where these come from: an actor declares a journal, which is anything with these two methods.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

import msgspec


class Snapshot(msgspec.Struct, frozen=True):
    """A state as it was after the event at a position.

    Attributes:
        position: The position of the last event that the state includes.
        state: The state, encoded by the actor that made it.
    """

    position: int
    state: bytes


class Journal(Protocol):
    """What happened to an actor, in order."""

    async def latest_snapshot(self) -> Snapshot | None:
        """Return the newest snapshot, or None; a checkpoint."""
        ...

    def events_after(self, position: int) -> AsyncGenerator[bytes, None]:
        """Iterate over the encoded events after a position (0: from the start), oldest first."""
        ...


class Restorable(Protocol):
    """What an actor with a journal has."""

    def restore(self, state: bytes) -> None:
        """Take the state of a snapshot."""

    def replay(self, event: bytes) -> None:
        """Apply one event."""


async def rebuild(actor: Restorable, journal: Journal) -> None:
    """Bring an actor up to date from its journal; a checkpoint."""
    snapshot = await journal.latest_snapshot()
    if snapshot is not None:
        actor.restore(snapshot.state)
    async with aclosing(journal.events_after(snapshot.position if snapshot is not None else 0)) as events:
        async for event in events:
            actor.replay(event)
