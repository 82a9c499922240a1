"""What readers see of a log in files: the settled frames of all segments."""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

from store.errors import EventsGone, Invalid, LogDamaged
from store.format.frame import HEADER_BYTES, Command
from store.format.names_file import NAMES_NAME
from store.format.retention_record import RetentionRecord
from store.format.staged_frame import StagedFrame
from store.index.command_keys import EarlierCommands, command_key, commands_in, commands_of
from store.index.index_file_queue import IndexFileQueue
from store.index.rebuild import growing, index_segment
from store.index.stored_index import IndexUnusable
from store.index.waiting_frames import Columns
from store.model.append import Appended
from store.model.event import Event
from store.model.limits import Limits
from store.model.query import Page, Query
from store.reading.events_ahead import EventsAhead
from store.reading.search import search
from store.reading.segment_reader import Segment, WrittenFrames
from store.streams.stream_table import StreamTable

T = TypeVar("T")


class Committed:
    """The segments, in order, up to the committed watermark.

    Args:
        directory: the log's.
        segments: open and indexed.
        table: knows the ids of names.
        index_file_queue: is given each segment that is complete.
        record: what was retired; `last_retired` is the last sequence of that.

    Attributes:
        lock: whoever changes or reads the indexes holds it. Reading a whole log does for as long as it fetches bytes.
    """

    def __init__(
        self,
        directory: Path,
        segments: list[Segment],
        table: StreamTable,
        index_file_queue: IndexFileQueue,
        record: RetentionRecord,
    ) -> None:
        self.directory = directory
        self.segments = segments
        self.record = record
        self.last_retired = record.last
        self.lock = threading.RLock()
        self._whole = True
        self._ahead = EventsAhead()
        self._table = table
        self._index_file_queue = index_file_queue

    @property
    def head(self) -> int:
        """The committed watermark: the last sequence that readers see, 0 for an empty log."""
        return self.segments[-1].last_sequence if self.segments else self.last_retired

    def show(self, frames: Sequence[StagedFrame], written: Sequence[WrittenFrames]) -> None:
        """Let readers see the next frames, at the places where they were written."""
        with self.lock:
            self._whole = False
            start = 0
            for segment, offsets in written:
                end = start + len(offsets)
                self._show_in(segment, frames[start:end], offsets)
                start = end
            if self._table.streams.due:
                self._keep_names_few()
            self._whole = True

    def _keep_names_few(self) -> None:
        """Have new names of streams written to their file, or look them up there once they are."""
        queue, names = self._index_file_queue, self._table.streams
        queue.add_steps(names.adopt())
        if names.due:
            path = self.directory / NAMES_NAME
            queue.add_steps(names.merge(path, self._table.stored_streams(), sync=queue.sync))

    def show_alone(self, segment: Segment, first: int, frame: Columns, size: int) -> None:
        """Let readers see one frame of the last segment, whose first event and body's size these are."""
        with self.lock:
            self._whole = False
            if not segment.grows:
                segment.index = growing(segment, self._table)
            self._table.settle(first)
            segment.add(frame, frame.offset + HEADER_BYTES + size)
            if self._table.streams.due:
                self._keep_names_few()
            self._whole = True

    def _show_in(self, segment: Segment, frames: Sequence[StagedFrame], offsets: Sequence[int]) -> None:
        if not self.segments or self.segments[-1] is not segment:
            if self.segments and self.segments[-1].grows:
                self.segments[-1].fold()  # here, since the index file is written in another thread
                self._index_file_queue.add(self.segments[-1], self._table.settled())
            if self.segments:
                self.segments[-1].file.map()
            self.segments.append(segment)
        if not segment.grows:
            segment.index = growing(segment, self._table)
        for frame, offset in zip(frames, offsets, strict=True):
            self._table.settle(frame.first_sequence)
            key = command_key(frame.command) if frame.command else None
            columns = Columns(
                offset, frame.time_ns, frame.streams, frame.types, frame.correlations, frame.agent, key, frame.tags
            )
            segment.add(columns, offset + HEADER_BYTES + len(frame.body))

    def query(self, query: Query, limits: Limits, max_scan: int | None = None, onto: Page | None = None) -> Page:
        """Answer a checked query as `search` does.

        Raises:
            LogDamaged: an event's bytes changed since they were written.
        """
        with self.lock:
            self._refuse_if_torn()
            return self.with_indexes(lambda: search(self.segments, query, limits, max_scan, onto, ahead=self._ahead))

    def read(self, after: int, *, skip_gone: bool) -> Iterator[list[Event]]:
        """Yield every event after a sequence in lists, in order; those settled meanwhile too.

        Args:
            after: the sequence.
            skip_gone: whether to go on behind what was retired before it was read.

        Raises:
            EventsGone: events were retired before they were read.
            LogDamaged: an event's bytes changed since they were written.
        """
        while after < self.head or after < self.last_retired:
            if after < self.last_retired:
                if not skip_gone:
                    raise EventsGone.behind(after, self.last_retired + 1)
                after = self.last_retired
                continue
            with self.lock:
                self._refuse_if_torn()
                segment, before = self._segment_of(after + 1), after
                index = self.with_indexes(segment.load_frames)
            for events in segment.by_frame(after, index, self.lock):
                yield [event for event in events if event.sequence > after] if events[0].sequence <= after else events
                after = max(events[-1].sequence, self.last_retired if skip_gone else 0)
            if after <= before:  # or else it would be read for ever
                raise LogDamaged(
                    f"{segment.path}: its events deny that they follow event {before}, though its checksums hold; "
                    "verify the log, then restore a backup"
                )

    def epoch_end(self, epoch: str) -> int:
        """Return the last sequence of the segments of an epoch; 0 if there is none."""
        with self.lock:
            ends = [each.last_sequence for each in self.segments if each.header.epoch.hex() == epoch]
        return max(ends, default=0)

    def command_at(self, sequence: int) -> tuple[Command | None, Appended]:
        """Return the command that the frame with this first sequence carries out, and its result.

        Raises:
            LogDamaged: the frame's bytes changed since they were written.
        """
        with self.lock:
            command, events = self.with_indexes(lambda: self._segment_of(sequence).command(sequence))
        return command, Appended(
            first_sequence=sequence,
            last_sequence=events[-1].sequence,
            revisions={event.stream: event.revision for event in events},
            time_ns=events[0].time_ns,
        )

    def hide_retired(self, record: RetentionRecord) -> None:
        """Show no longer what a record says was retired; anyone who is reading one of these segments may go on."""
        with self.lock:
            self._ahead.drop()
            while self.segments and self.segments[0].first_sequence <= record.last:
                self.segments.pop(0).file.let_go()
            self.record, self.last_retired = record, record.last

    @property
    def sealed(self) -> bool:
        """Whether the last append was sealed."""
        return bool(self.segments and self.segments[-1].header.seal)

    def with_indexes(self, work: Callable[[], T]) -> T:
        """Do work, indexing again each segment whose index file turns out to be unusable."""
        while True:
            try:
                return work()
            except IndexUnusable as unusable:
                self.index_again(unusable)

    def index_again(self, unusable: IndexUnusable) -> None:
        """Index the segment again whose index file turned out to be unusable."""
        for segment in [each for each in self.segments if each.index is unusable.index]:
            segment.index, revisions = index_segment(segment.path, segment.header, self._table, unusable.index.end)
            if segment is not self.segments[-1]:
                self._index_file_queue.add(segment, revisions)

    def let_last_grow(self) -> None:
        """Have the index of the last segment in memory."""
        if self.segments and not self.segments[-1].grows:
            self.segments[-1].index = growing(self.segments[-1], self._table)

    def close(self) -> None:
        """Close the segments' files."""
        with self.lock:
            self._ahead.drop()
            for segment in self.segments:
                segment.file.close()

    def _refuse_if_torn(self) -> None:
        """Refuse to read in the middle of `show`: in a signal handler that met it, or after it was interrupted.

        Raises:
            Invalid: it is so.
        """
        if not self._whole:
            raise Invalid(
                "an append is being shown, or was interrupted: read outside of signal handlers, or start again"
            )

    def history(self, limit: int) -> EarlierCommands:
        """Return the last commands, `limit` of them at least if there are."""
        among: list[Segment] = []
        count = 0
        for segment in reversed(self.segments):
            if count >= limit:
                break
            among.insert(0, segment)
            count += commands_in(segment.index)
        return EarlierCommands(count, lambda: self.with_indexes(lambda: self._commands_among(among)))

    def _commands_among(self, segments: list[Segment]) -> list[tuple[int, int]]:
        here = [segment for segment in segments if segment in self.segments]
        return [*chain.from_iterable(map(commands_of, here))]

    def _segment_of(self, sequence: int) -> Segment:
        return next(segment for segment in reversed(self.segments) if segment.first_sequence <= sequence)
