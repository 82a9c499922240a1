"""Frames that were appended and are not in the index yet.

To put one event into an index takes as long as to encode it, and to put a hundred at once hardly longer. So what was
appended waits: for whoever reads the index next, for a rotation, or until enough waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from typing import NamedTuple

from store.errors import Invalid
from store.index.active_index import SegmentIndex
from store.index.interface import Index

FOLDED_AT = 4096
"""How many events wait at the most: to fold them in takes half a millisecond."""


class Columns(NamedTuple):
    """What an index needs of a frame: where it begins, its time, its events' numbers, its agent, its command's key."""

    offset: int
    time_ns: int
    streams: Sequence[int]
    types: Sequence[int]
    correlations: Sequence[int] | None
    agent: int
    command_key: int | None
    tags: Sequence[frozenset[int]] | None = None


class WaitingFrames:
    """The frames of one segment that wait, in order.

    Attributes:
        events: how many events they have.
    """

    def __init__(self) -> None:
        self.events = 0
        self._frames: list[Columns] = []
        self._end = 0
        self._folding = False

    def add(self, frame: Columns, end: int) -> None:
        """Let a frame wait that lies behind the last one and ends at a byte."""
        self._frames.append(frame)
        self._end = end
        self.events += len(frame.streams)

    def fold_into(self, index: SegmentIndex) -> None:
        """Put all that waits into the segment's index.

        Raises:
            Invalid: that was interrupted before, or is interrupted by this call, from a signal handler.
        """
        if self._folding:
            raise Invalid("the index is being made, or was interrupted: read outside of signal handlers, or open again")
        self._folding = True
        offsets, times, streams, types, correlations, agents, keys, tags = zip(*self._frames, strict=True)
        counts = list(map(len, streams))
        index.add_frames(
            offsets=offsets,
            end=self._end,
            times=times,
            counts=counts,
            streams=[*chain.from_iterable(streams)],
            types=[*chain.from_iterable(types)],
            agents=agents,
            correlations=_joined(correlations, counts) if any(correlations) else (),
            commands=[(number, key) for number, key in enumerate(keys) if key is not None],
            tags=[(number, hashes) for number, hashes in enumerate(tags) if hashes is not None],
        )
        self._frames, self.events = [], 0
        self._folding = False


def _joined(correlations: Sequence[Sequence[int] | None], counts: Sequence[int]) -> list[int]:
    """Return the hashes of all events up to the last that has one."""
    joined: list[int] = []
    events = 0
    for hashes, count in zip(correlations, counts, strict=True):
        if hashes is not None:
            joined += repeat(0, events - len(joined))
            joined += hashes
        events += count
    return joined


class Indexed:
    """A segment's index, and the frames that wait for it.

    Args:
        index: the index.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._waiting = WaitingFrames()

    @property
    def events(self) -> int:
        """How many events are indexed, or wait for it."""
        return len(self._index) + self._waiting.events

    @property
    def index(self) -> Index:
        """The index, once all that waits is in it; may be replaced by an equal one at any time."""
        self.fold()
        return self._index

    @index.setter
    def index(self, index: Index) -> None:
        self._index = index

    @property
    def grows(self) -> bool:
        """Whether the index is in memory; to be asked in any thread."""
        return isinstance(self._index, SegmentIndex)

    def add(self, frame: Columns, end: int) -> None:
        """Let readers see the next frame, which ends at a byte; the index is in memory."""
        self._waiting.add(frame, end)
        if self._waiting.events >= FOLDED_AT:
            self.fold()

    def fold(self) -> None:
        """Put all that waits into the index."""
        if self._waiting.events:
            assert isinstance(self._index, SegmentIndex), "only an index in memory grows"
            self._waiting.fold_into(self._index)
