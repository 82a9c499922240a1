"""Events that were decoded for a page and found no room on it: whoever asks for the next page begins with them.

An event is in one page only: what is taken from here is here no longer, so that nobody sees what another has changed.
"""

from __future__ import annotations

from typing import NamedTuple

from store.format.frame import Sized
from store.reading.segment_reader import Segment

AHEAD = 256
"""So many events are decoded at once, at the most, for one who asks for page after page: for 10 each, 50 pages."""

_BYTES = 1 << 17
"""What takes more, as records, is not kept."""


class _Kept(NamedTuple):
    """Events of a segment, the state that this was in, the position of the first one, and 1 or -1: the way they go."""

    segment: Segment
    changes: int
    position: int
    step: int
    sized: Sized


class EventsAhead:
    """The events that were kept last; whoever calls holds the lock of the segments."""

    def __init__(self) -> None:
        self._kept: _Kept | None = None

    def keep(self, segment: Segment, sized: Sized, *, descending: bool) -> None:
        """Keep events that lie side by side and that nobody has seen, in the order in which they go on.

        Not of a log that another process writes: that one may erase them.
        """
        self._kept = None
        events, sizes = sized
        if events and not segment.foreign and sum(sizes) <= _BYTES:
            position = events[0].sequence - segment.first_sequence
            self._kept = _Kept(segment, segment.changes, position, -1 if descending else 1, sized)

    def take(self, segment: Segment, positions: range) -> Sized | None:
        """Return events that were kept, from the first of these positions on, no more than these; None if none were."""
        kept = self._kept
        if kept is None or kept[:4] != (segment, segment.changes, positions.start, positions.step):
            return None
        self._kept = None
        events, sizes = kept.sized
        count = len(positions)
        if count >= len(events):
            return kept.sized
        rest = events[count:], sizes[count:]
        self._kept = kept._replace(position=positions.start + count * positions.step, sized=rest)
        return events[:count], sizes[:count]

    def drop(self) -> None:
        """Keep nothing."""
        self._kept = None
