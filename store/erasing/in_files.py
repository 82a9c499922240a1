"""Erasing a stream of a log in files, in steps that a crash may cut off anywhere.

Each step takes some frames: what they become is written to the erasure record, durably; then it is written over them,
and synced. A crash before the record is written leaves them as they were; after it the next opening, and whoever reads
meanwhile, makes them what the record says. So a frame is never half of each.

The index of a segment forgets correlation ids and tags before its first event is erased. A search by these misses the
event then a moment before its content is gone. Until that has come to its end `verify` does not compare the two.

What is erased is durable and settled: frames that may be taken back are never touched.
"""

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from store.disk.files import replace_file, sync_path
from store.disk.sync import sync_file, write_all, write_error
from store.erasing.erasure import Erased, Erasure, check_erasable, told_of
from store.errors import DiskFull, Invalid, SyncFailed
from store.format.erasure_record import (
    ErasureRecord,
    UnderWay,
    read_erasure_record,
    write_erasure_record,
)
from store.format.frame import UNREADABLE
from store.format.index_file import index_path
from store.format.retention_parts import revisions_at
from store.format.tombstone import Patch, erased_frame
from store.index.active_index import SegmentIndex
from store.index.forgetting import draft_without, finished, forget
from store.index.interface import Index, frame_number_of
from store.index.stored_index import IndexUnusable, StoredIndex
from store.model.append import Append
from store.model.event import Event
from store.reading.segment_reader import Segment
from store.streams.name_numbers import name_hashes
from store.writing.log_parts import LogParts

_POSITIONS = 1024
"""At so many events of the stream a step looks at the most."""

_BYTES = 1 << 20
"""A step writes about so many bytes, and one frame more: 10 ms of a disk that is asked to sync them twice."""

_STATE_BYTES = 8


class _Batch(NamedTuple):
    """What a step erases in a segment.

    Attributes:
        patches: by frame.
        positions: of the events that are erased.
        tags: that these had.
        last: the sequence up to which all of the stream is erased then.
    """

    patches: tuple[tuple[Patch, ...], ...]
    positions: list[int]
    tags: set[str]
    last: int


class FileErasure(Erasure):
    """One erasing; to be made in the thread that stages, settles and reads.

    Args:
        parts: the log's.
        stream: the stream.
        agent: who has it erased.

    Raises:
        Invalid: the stream is one of the hall's own, or does not exist; some of it is sealed; another one is under way.
        LogDamaged: the erasure record is unreadable.
    """

    def __init__(self, parts: LogParts, stream: str, agent: str) -> None:
        check_erasable(stream, agent)
        self._parts = parts
        self._committed = parts.committed
        self.resumed = False
        self._under_way = self._begun(stream, agent)
        self._gone = revisions_at(parts.directory, parts.committed.record).get(stream, 0)
        self._recorded = False
        self._clean: StoredIndex | None = None
        self._unusable: IndexUnusable | None = None
        with self._committed.lock:
            self._refuse_if_sealed()
            self._committed.let_last_grow()

    @property
    def erased(self) -> Erased:
        """What was erased so far."""
        under_way = self._under_way
        return Erased(stream=under_way.stream, events=under_way.events, last_sequence=under_way.last, gone=self._gone)

    def step(self) -> bool:
        """Erase some more events, durably; see `Erasure.step`."""
        writer = self._parts.writer
        if writer.broken:
            raise writer.broken.with_traceback(None)
        if self._unusable is not None:
            raise self._unusable
        writer.begin_changes()
        if writer.durable < self._under_way.last:
            writer.sync()
        try:
            segment = self._next_segment()
            if segment is None:
                return False
            self._step_in(segment)
        except IndexUnusable as unusable:
            self._unusable = unusable
        return True

    def mend(self) -> None:
        """Index a segment again whose index file turned out to be unusable; see `Erasure.mend`."""
        if (unusable := self._unusable) is not None:
            self._unusable = None
            self._committed.index_again(unusable)

    def told(self) -> Append | None:
        """Return the append that tells of it; see `Erasure.told`."""
        under_way = self._under_way
        return told_of(self.erased, under_way.agent, under_way.name) if under_way.events else None

    def end(self) -> None:
        """Make all durable and say that nothing is under way; see `Erasure.end`."""
        self._parts.writer.sync()
        if read_erasure_record(self._parts.directory).under_way is not None:
            self._record(None)

    def _begun(self, stream: str, agent: str) -> UnderWay:
        """Return what is to be done: what was begun before, if it is the same."""
        parts, before = self._parts, read_erasure_record(self._parts.directory).under_way
        if before is not None and before.stream != stream:
            raise Invalid(f"the erasing of stream {before.stream!r} is under way: let that end, or erase it again")
        if not parts.table.revision(stream):
            raise Invalid(f"there is no stream {stream!r} in the log: give the name of one that there is")
        if before is not None:
            self.resumed = True
            return before
        name = parts.ports.random_bytes(_STATE_BYTES).hex()
        return UnderWay(name=name, stream=stream, agent=agent, last=self._committed.head)

    def _refuse_if_sealed(self) -> None:
        sealed = [segment for segment in self._committed.segments if segment.header.seal]
        if self._committed.with_indexes(lambda: [segment for segment in sealed if self._may_hold(segment)]):
            raise Invalid(
                f"stream {self._under_way.stream!r} has sealed events, and the seal covers what would be erased: "
                "let retention take their segments"
            )

    def _may_hold(self, segment: Segment) -> bool:
        return next(self._walk(segment), None) is not None

    def _walk(self, segment: Segment) -> Iterator[int]:
        """Yield where in a segment the next events of the stream are, of those that are to be erased."""
        under_way, index = self._under_way, segment.index
        low = max(0, under_way.after + 1 - segment.first_sequence)
        high = min(len(index), under_way.last + 1 - segment.first_sequence)
        ids = index.stream_ids(under_way.stream)
        return index.by_stream.walk(ids, low, high, descending=False) if low < high else iter(())

    def _next_segment(self) -> Segment | None:
        """Return the segment that holds the next event of the stream, None if there is none; move on to it."""
        while True:
            with self._committed.lock:
                ahead = (each for each in self._committed.segments if each.last_sequence > self._under_way.after)
                segment = next(ahead, None)
                if segment is None or segment.first_sequence > self._under_way.last:
                    return None
                if self._may_hold(segment):
                    return segment
                self._under_way = msgspec.structs.replace(self._under_way, after=segment.last_sequence)

    def _step_in(self, segment: Segment) -> None:
        """Erase the next events of a segment; none if its index was replaced meanwhile: the next step looks again."""
        with self._committed.lock:
            index = segment.index
            positions = list(islice(self._walk(segment), _POSITIONS))
        if isinstance(index, StoredIndex) and index is not self._clean:
            self._forget(segment, index)
            return
        batch = self._batch(segment, index, positions)
        under_way = msgspec.structs.replace(
            self._under_way,
            after=batch.last,
            events=self._under_way.events + len(batch.positions),
            segment=segment.path.name,
            patches=batch.patches,
        )
        if batch.patches:
            self._record(under_way)
            self._parts.writer.guarded(lambda: self._overwrite(segment, index, batch))
        self._under_way = under_way

    def _forget(self, segment: Segment, index: StoredIndex) -> None:
        """Have the index file of a complete segment forget what will be erased there."""
        path = index_path(segment.path)
        draft = path.with_name(path.name + ".again")
        header = finished(draft_without(index, list(self._walk(segment)), draft))
        if header is not None and not self._recorded:
            self._record(self._under_way)
        with self._committed.lock:
            if segment.index is not index:
                draft.unlink(missing_ok=True)
                return
            self._clean = index
            if header is not None:
                replace_file(draft, path)
                segment.index = self._clean = StoredIndex(path, header)
        sync_path(path.parent)

    def _batch(self, segment: Segment, index: Index, positions: Sequence[int]) -> _Batch:
        """Return what the frames of some positions become."""
        patches: list[tuple[Patch, ...]] = []
        erased: list[int] = []
        tags: set[str] = set()
        size, beyond, last = 0, 0, self._under_way.after
        for position in positions:
            if position < beyond:
                continue
            if size >= _BYTES:
                break
            with self._committed.lock:
                number = frame_number_of(index, position)
                frame, data = segment.whole_frame(number, index)
                first = index.frame_firsts[number]
            try:
                found = erased_frame(data, frame, segment.header.salt, self._is_meant)
            except (ValueError, *UNREADABLE) as error:
                raise segment.damaged(frame.offset) from error
            if found is not None:
                patches.append(tuple(found.patches))
                erased += [first + place for place in found.events]
                tags |= found.tags
                size += sum(len(patch.content) for patch in found.patches)
            beyond = first + frame.count
            last = segment.first_sequence + beyond - 1
        return _Batch(tuple(patches), erased, tags, last)

    def _is_meant(self, event: Event) -> bool:
        return event.stream == self._under_way.stream and event.sequence <= self._under_way.last

    def _overwrite(self, segment: Segment, index: Index, batch: _Batch) -> None:
        path, parts = segment.path, self._parts
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise write_error(error, path) from error
        try:
            with self._committed.lock:
                if isinstance(index, SegmentIndex):
                    parts.index_file_queue.change(segment, lambda: _forget_in_memory(segment, batch))
                segment.changes += 1
                for offset, content in (patch for frame in batch.patches for patch in frame):
                    write_all(fd, content, offset, path)
                segment.changes += 1
            sync_file(fd, parts.ports.sync, path)
        except DiskFull as error:
            raise SyncFailed(f"{error}; what was being erased is half written: start again, and it goes on") from error
        finally:
            os.close(fd)

    def _record(self, under_way: UnderWay | None) -> None:
        parts = self._parts
        state = parts.ports.random_bytes(_STATE_BYTES)
        parts.writer.guarded(lambda: write_erasure_record(parts.directory, ErasureRecord(state, under_way)))
        self._recorded = True


def _forget_in_memory(segment: Segment, batch: _Batch) -> None:
    if isinstance(index := segment.index, SegmentIndex):
        forget(index, batch.positions, name_hashes(list(batch.tags)))
