"""What readers see of a log in files: the settled frames of all segments."""

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from typing import TypeVar
from weakref import finalize

from store.errors import LogDamaged
from store.format.frame import HEADER_BYTES, Command
from store.format.retention_record import Gone
from store.index.active import SegmentIndex
from store.index.build_queue import Sealer
from store.index.rebuild import commands_in, commands_of, growing, index_segment
from store.index.stored import IndexUnusable
from store.index.stream_table import Heads
from store.model.append import Appended
from store.model.event import Event
from store.model.query import Page, Query
from store.reading.search import search
from store.reading.segment_reader import Segment
from store.tamper.check_seals import seal_to_go_on
from store.tamper.seal import Seal
from store.writing.command_window import History, command_key
from store.writing.staged_group import Staged, StagedFrame

T = TypeVar("T")


class Committed:
    """The segments, in order, up to the committed watermark.

    Args:
        segments: open and indexed.
        heads: knows the ids of names.
        sealer: is given each segment that is complete.
        record: what the log has given up; `gone` is the last sequence of that.
    """

    def __init__(self, segments: list[Segment], heads: Heads, sealer: Sealer, record: Gone) -> None:
        self.segments = segments
        self.record = record
        self.gone = record.last
        self._heads = heads
        self._sealer = sealer

    @property
    def head(self) -> int:
        """The committed watermark: the last sequence that readers see, 0 for an empty log."""
        return self.segments[-1].last_sequence if self.segments else self.gone

    def show(self, staged: Staged) -> None:
        """Let readers see the next group, which was written."""
        start = 0
        for segment, offsets in staged.runs:
            end = start + len(offsets)
            self._show_run(staged.frames[start:end], segment, offsets)
            start = end

    def _show_run(self, frames: Sequence[StagedFrame], segment: Segment, offsets: Sequence[int]) -> None:
        if not self.segments or self.segments[-1] is not segment:
            if self.segments and isinstance(self.segments[-1].index, SegmentIndex):
                self._sealer.add(self.segments[-1], self._heads.settled())
            self.segments.append(segment)
        index = segment.index
        if not isinstance(index, SegmentIndex):
            index = segment.index = growing(segment, self._heads)
        counts: list[int] = []
        agents: list[int] = []
        streams: list[int] = []
        types: list[int] = []
        correlations: list[int] = []
        commands: list[tuple[int, int]] = []
        for number, frame in enumerate(frames):
            self._heads.settle(frame.first_sequence)
            counts.append(frame.count)
            agents.append(frame.agent)
            streams += frame.streams
            types += frame.types
            if frame.correlations is not None:
                correlations += repeat(0, len(types) - frame.count - len(correlations))
                correlations += frame.correlations
            if frame.command:
                commands.append((number, command_key(frame.command)))
        index.add_frames(
            offsets=offsets,
            end=offsets[-1] + HEADER_BYTES + len(frames[-1].body),
            time_ns=frames[-1].time_ns,
            counts=counts,
            streams=streams,
            types=types,
            agents=agents,
            correlations=correlations,
            commands=commands,
        )

    def query(self, query: Query, page_bytes: int, max_scan: int | None = None, onto: Page | None = None) -> Page:
        """Answer a checked query as `search` does.

        Raises:
            LogDamaged: an event's bytes changed since they were written.
        """
        return self._with_indexes(lambda: search(self.segments, query, page_bytes, max_scan, onto))

    def read(self, after: int) -> Iterator[list[Event]]:
        """Yield every event after a sequence in lists, in order; those settled meanwhile too.

        Raises:
            LogDamaged: an event's bytes changed since they were written.
        """
        after = max(after, self.gone)
        while after < self.head:
            segment, before = self._segment_of(after + 1), after
            index = self._with_indexes(segment.load_frames)
            for events in segment.by_frame(after, index):
                yield [event for event in events if event.sequence > after] if events[0].sequence <= after else events
                after = max(events[-1].sequence, self.gone)
            if after <= before:  # or else it would be read for ever
                raise LogDamaged(
                    f"{segment.path}: its events deny that they follow event {before}, though its checksums hold; "
                    "verify the log, then restore a backup"
                )

    def command_at(self, sequence: int) -> tuple[Command | None, Appended]:
        """Return the command that the frame with this first sequence carries out, and its result.

        Raises:
            LogDamaged: the frame's bytes changed since they were written.
        """
        command, events = self._with_indexes(lambda: self._segment_of(sequence).command(sequence))
        return command, Appended(
            first_sequence=sequence,
            last_sequence=events[-1].sequence,
            revisions={event.stream: event.revision for event in events},
            time_ns=events[0].time_ns,
        )

    def forget(self, record: Gone) -> None:
        """Let go of the segments that a record says are gone; who is reading one of them may go on."""
        while self.segments and self.segments[0].first_sequence <= record.last:
            segment = self.segments.pop(0)
            finalize(segment, os.close, segment.fd)
        self.record, self.gone = record, record.last

    @property
    def sealed(self) -> bool:
        """Whether the last append was sealed."""
        return bool(self.segments and self.segments[-1].header.seal)

    def seal(self, key: bytes) -> Seal:
        """Return the seal that the log goes on with.

        Raises:
            Invalid: it was sealed with another key.
        """
        return self._with_indexes(lambda: seal_to_go_on(key, self.segments[-1] if self.segments else None))

    def close(self) -> None:
        """Close the segments' files."""
        for segment in self.segments:
            segment.close()

    def history(self, limit: int) -> History:
        """Return the last commands, `limit` of them at least if there are."""
        among: list[Segment] = []
        count = 0
        for segment in reversed(self.segments):
            if count >= limit:
                break
            among.insert(0, segment)
            count += commands_in(segment.index)
        return History(count, lambda: self._with_indexes(lambda: self._commands_among(among)))

    def _commands_among(self, segments: list[Segment]) -> list[tuple[int, int]]:
        here = [segment for segment in segments if segment in self.segments]
        return [*chain.from_iterable(map(commands_of, here))]

    def _with_indexes(self, work: Callable[[], T]) -> T:
        """Do work, indexing again each segment whose index file turns out to be unusable."""
        while True:
            try:
                return work()
            except IndexUnusable as unusable:
                segment = next(each for each in self.segments if each.index is unusable.index)
                segment.index, revisions = index_segment(segment.path, segment.header, self._heads, unusable.index.end)
                if segment is not self.segments[-1]:
                    self._sealer.add(segment, revisions)

    def _segment_of(self, sequence: int) -> Segment:
        return next(segment for segment in reversed(self.segments) if segment.first_sequence <= sequence)
