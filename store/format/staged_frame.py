"""A frame before it is written: what staging makes, the tail writes, and readers are shown."""

from collections.abc import Sequence

import msgspec

from store.format import frame as frames
from store.format.frame import Command
from store.model.append import Appended
from store.model.event import Event


class StagedFrame(msgspec.Struct, kw_only=True):
    """A frame to be: everything but its header, which depends on the segment and the moment of writing.

    `streams`, `types` and `correlations` have a number for each event, `agent` is one id for all;
    `correlations` is None if no event has one; so is `tags`, the hashes of each event's tags. `erased` says whether any
    is stored as one that was erased.
    """

    first_sequence: int
    count: int
    body: bytes
    time_ns: int
    streams: Sequence[int]
    types: Sequence[int]
    correlations: Sequence[int] | None
    agent: int
    tags: Sequence[frozenset[int]] | None = None
    command: Command | None
    erased: bool = False
    appended: Appended
    _events: list[Event] | None = None

    def events(self) -> list[Event]:
        """Return its events; decoded once, for all the conditions that ask."""
        if self._events is None:
            self._events = frames.events_of(self.body, self.count)
        return self._events

    @property
    def last_sequence(self) -> int:
        """The sequence of its last event."""
        return self.first_sequence + self.count - 1
