"""Groups of appends between staging and settling, as values."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from store.errors import DiskFull, StoreError
from store.format import frame as frames
from store.format.frame import Command
from store.model.append import Appended
from store.model.event import Event
from store.reading.segment_reader import Segment


class StagedFrame(msgspec.Struct, kw_only=True):
    """A frame to be: everything but its header, which depends on the segment and the moment of writing.

    `streams`, `types` and `correlations` have a number for each event, `agent` is one id for all;
    `correlations` is None if no event has one.
    """

    first_sequence: int
    count: int
    body: bytes
    time_ns: int
    streams: Sequence[int]
    types: Sequence[int]
    correlations: Sequence[int] | None
    agent: int
    command: Command | None
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


class Run(NamedTuple):
    """Where frames of a group were written one after the other: to which segment, and at which byte each."""

    segment: Segment
    offsets: list[int]


class Staged(msgspec.Struct, kw_only=True, eq=False):
    """One group: what `stage` made of some appends.

    Attributes:
        outcomes: the outcome-to-be of each append, in order.
        needs_sync: whether the policy wants the acknowledgement after the fsync.
        frames: what is to be written.
        runs: where the frames were written, once they were.
        flushed: whether it was written, and synced if the policy says so.
        failure: why nothing of it was stored, if so.
    """

    outcomes: list[Appended | StoreError]
    needs_sync: bool
    frames: list[StagedFrame]
    runs: list[Run] = []
    flushed: bool = False
    failure: DiskFull | None = None
