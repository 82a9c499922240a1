"""Indexes from what there is: from a segment's frames, or from an index file to go on with."""

from __future__ import annotations

from pathlib import Path

import msgspec

from store.errors import LogDamaged
from store.format import frame as frames
from store.format.erasure_record import segment_bytes
from store.format.index_file import Section
from store.format.segment import HEADER_BYTES, SegmentHeader
from store.index.active_index import SegmentIndex
from store.index.command_keys import command_key
from store.index.interface import Index, IndexedSegment
from store.index.stored_index import IndexUnusable, StoredIndex
from store.streams.name_numbers import CorrelationHashes, Numbers, name_hashes
from store.streams.stream_table import StreamTable

_NONE = {None}
_CRC_BYTES = 4


def index_segment(
    path: Path, header: SegmentHeader, table: StreamTable, end: int
) -> tuple[SegmentIndex, dict[int, int]]:
    """Index a segment up to a byte; the table learns its names and revisions. Returns and raises as `index_frames`."""
    index, reached = index_frames(path, header, table, end)
    table.reach(reached)
    return index, reached


def index_frames(
    path: Path, header: SegmentHeader, table: StreamTable, end: int
) -> tuple[SegmentIndex, dict[int, int]]:
    """Index a segment up to a byte; the table learns its names.

    Returns:
        The index, and the last revision of each stream in it, by id.

    Raises:
        LogDamaged: a frame before that byte is unreadable, or a record does not decode although its frame's CRC holds.
    """
    index, reached, hashes = SegmentIndex(table), dict[int, int](), CorrelationHashes()
    data = memoryview(segment_bytes(path))
    offset = HEADER_BYTES
    for frame in frames.frames_in(data[:end], offset, header.salt):
        try:
            _index_frame(index, reached, hashes, frame, frames.body_of(data, frame))
        except frames.UNREADABLE as error:
            raise LogDamaged(
                f"{path}: the frame at byte {offset} holds a record of another format ({error}): "
                "was it written by a later version? Open it with that one"
            ) from error
        offset = frame.end
    if offset < end:
        raise LogDamaged(f"{path}: the frame at byte {offset} is unreadable: stop, check the disk, restore a backup")
    return index, reached


def add_frames_behind(index: SegmentIndex, header: SegmentHeader, data: memoryview, base: int) -> bool:
    """Add the whole frames that were written behind the last one to an index in memory; say whether there are any.

    Args:
        index: the segment's; the table that it knows learns names and revisions.
        header: the segment's.
        data: its bytes from a byte on.
        base: that byte.
    """
    reached, hashes = dict[int, int](), CorrelationHashes()
    for frame in frames.frames_in(data, 0, header.salt):
        if frame.first_sequence != header.first_sequence + len(index):
            break
        placed = msgspec.structs.replace(frame, offset=base + frame.offset, end=base + frame.end)
        _index_frame(index, reached, hashes, placed, frames.body_of(data, frame))
    index.table.reach(reached)
    return bool(reached)


def _index_frame(
    index: SegmentIndex, reached: dict[int, int], hashes: CorrelationHashes, frame: frames.Frame, body: memoryview
) -> None:
    table = index.table
    found = frames.indexed_fields_of(body, frame.count)
    _, names, revisions, types, agents, _, correlation_ids = zip(*map(msgspec.structs.astuple, found), strict=True)
    streams = table.stream_ids(names)
    reached.update(zip(streams, revisions, strict=True))
    command = frames.command_of(body, frame)
    index.add_frames(
        offsets=(frame.offset,),
        end=frame.end,
        times=(frame.time_ns,),
        counts=(frame.count,),
        streams=streams,
        types=table.types.ids_of(types),
        agents=(table.agents.id_of(agents[0]),),
        correlations=() if set(correlation_ids) == _NONE else hashes.of(correlation_ids),
        commands=((0, command_key(command)),) if command else (),
        tags=((0, _tags_in(body, frame)),) if frame.flags & frames.HAS_TAGS else (),
    )


def _tags_in(body: memoryview, frame: frames.Frame) -> list[frozenset[int]]:
    return [frozenset(name_hashes(event.tags)) for event in frames.events_of(body, frame.count)]


def growing(segment: IndexedSegment, table: StreamTable) -> SegmentIndex:
    """Return a complete segment's index in memory, so that it can grow.

    Raises:
        LogDamaged: the index has to be made from the segment, and that is damaged.
    """
    index = segment.index
    assert isinstance(index, StoredIndex), "an index in memory can grow as it is"
    try:
        return _grown(index, table)
    except IndexUnusable:
        return index_segment(segment.path, segment.header, table, index.end)[0]


def _grown(stored: StoredIndex, table: StreamTable) -> SegmentIndex:
    """Load a whole index; its ids must be those of this process.

    Raises:
        IndexUnusable: a column is unusable, or the ids are others.
    """
    index = SegmentIndex(table)
    if table.index != numbering(stored):
        ids = dict(zip(stored.stream_names(), stored.column(Section.STREAM_IDS), strict=True))
        _check_ids(stored, table.streams, ids)
    _check_ids(stored, table.types, stored.header.types)
    _check_ids(stored, table.agents, stored.header.agents)
    index.streams.thaw(stored.streams)
    index.correlations.thaw(stored.correlations)
    index.agents.thaw(stored.agents)
    index.types.thaw(stored.types)
    index.by_tag.thaw(stored.by_tag)
    for column, section in (
        (index.frame_firsts, Section.FRAME_FIRSTS),
        (index.frame_offsets, Section.FRAME_OFFSETS),
        (index.command_keys, Section.COMMAND_KEYS),
        (index.command_positions, Section.COMMAND_POSITIONS),
    ):
        column.frombytes(stored.section(section))
    index.earliest_ns, index.latest_ns, index.ordered = stored.earliest_ns, stored.latest_ns, stored.ordered
    index.end = stored.end
    return index


def numbering(index: Index) -> bytes:
    """Return what tells which ids the streams of a segment have in its index file, salt and CRCs; empty in memory."""
    if not isinstance(index, StoredIndex):
        return b""
    header = index.header
    return header.salt + b"".join(
        crc.to_bytes(_CRC_BYTES, "little")
        for _, crc in (header.sections[Section.STREAM_IDS], header.sections[Section.STREAM_NAMES])
    )


def _check_ids(stored: StoredIndex, numbers: Numbers, ids: dict[str, int]) -> None:
    if any(numbers.known(name) != number for name, number in ids.items()):
        raise IndexUnusable(stored)


def learn(index: StoredIndex, table: StreamTable) -> None:
    """Tell the table of a segment's names and revisions, by its index.

    Raises:
        IndexUnusable: a column is unusable.
    """
    revisions = index.column(Section.STREAM_REVISIONS, "Q")
    table.reach(dict(zip(table.stream_ids(index.stream_names()), revisions, strict=True)))
    table.types.ids_of(list(index.header.types))
    for agent in index.header.agents:
        table.agents.id_of(agent)
