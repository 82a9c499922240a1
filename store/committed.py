"""What readers see of a log in files: the settled frames of all segments."""

from collections.abc import Iterator

from store.append import Appended
from store.event import Event
from store.frame import Command
from store.heads import Heads
from store.query import Page, Query
from store.reader import Segment
from store.search import search
from store.staged import StagedFrame


class Committed:
    """The segments, in order, up to the committed watermark.

    Args:
        segments: open and indexed.
        heads: knows the ids of names.
    """

    def __init__(self, segments: list[Segment], heads: Heads) -> None:
        self.segments = segments
        self._heads = heads

    @property
    def head(self) -> int:
        """The committed watermark: the last sequence that readers see, 0 for an empty log."""
        return self.segments[-1].last_sequence if self.segments else 0

    def show(self, frame: StagedFrame, segment: Segment, offset: int) -> None:
        """Let readers see the next frame, written to a segment at a byte offset."""
        if not self.segments or self.segments[-1] is not segment:
            self.segments.append(segment)
        segment.index.add_frame(
            offset=offset,
            time_ns=frame.time_ns,
            streams=frame.streams,
            types=frame.types,
            agents=[frame.agent] * frame.count,
            correlations=frame.correlations,
        )

    def query(self, query: Query, max_scan: int | None = None) -> Page:
        """Answer a checked query, looking at about `max_scan` candidates at most.

        Raises:
            LogDamaged: an event's bytes changed since the log was opened.
        """
        return search(self.segments, self._heads, query, max_scan)

    def read(self, after: int) -> Iterator[list[Event]]:
        """Yield every event after a sequence in lists, in order; those settled meanwhile too.

        Raises:
            LogDamaged: an event's bytes changed since the log was opened.
        """
        while after < self.head:
            for events in self._segment_of(after + 1).by_frame(after):
                yield [event for event in events if event.sequence > after] if events[0].sequence <= after else events
                after = events[-1].sequence

    def command_at(self, sequence: int) -> tuple[Command | None, Appended]:
        """Return the command that the frame with this first sequence carries out, and its result.

        Raises:
            LogDamaged: the frame's bytes changed since the log was opened.
        """
        command, events = self._segment_of(sequence).command(sequence)
        return command, Appended(
            first_sequence=sequence,
            last_sequence=events[-1].sequence,
            revisions={event.stream: event.revision for event in events},
            time_ns=events[0].time_ns,
        )

    def close(self) -> None:
        """Close the segments' files."""
        for segment in self.segments:
            segment.close()

    def _segment_of(self, sequence: int) -> Segment:
        return next(segment for segment in reversed(self.segments) if segment.first_sequence <= sequence)
