"""From segments in order to segments that can be searched, and the table of streams."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from store.format import segment as segments
from store.format.erasure_record import read_erasure_record, segment_bytes
from store.format.index_file import IndexHeader, index_path
from store.format.retention_parts import revisions_at
from store.format.retention_record import RetentionRecord
from store.format.segment import SegmentHeader
from store.index.rebuild import index_segment, learn
from store.index.stored_index import IndexUnusable, StoredIndex
from store.index.write_index_file import Revisions
from store.reading.segment_reader import Segment
from store.streams.stream_table import StreamTable

Progress = Callable[[int, int], None]
"""Is told how many bytes of how many have been indexed, after each segment that had no usable index file."""


def unseen(_done: int, _total: int) -> None:
    """Show no progress."""


class Loaded(NamedTuple):
    """An opened log.

    Attributes:
        segments: in order.
        table: that of its streams.
        unindexed: what `IndexFileQueue.add` still has to be told.
        lost: how many acknowledged events were cut, because they cannot be read.
    """

    segments: list[Segment]
    table: StreamTable
    unindexed: list[tuple[Segment, Revisions]]
    lost: int = 0


def load_segments(  # noqa: PLR0917 - what opening found out
    directory: Path,
    names: Sequence[str],
    indexes: Mapping[str, IndexHeader],
    saved: StreamTable | None,
    record: RetentionRecord,
    progress: Progress,
    ends: Mapping[str, int] | None = None,
) -> Loaded:
    """Open segments, index those that have no index file, and find out where the streams are.

    Args:
        directory: the log's.
        names: the segments that count, in order, and nothing in them that does not.
        indexes: the index files that can be trusted.
        saved: the table of streams, None if it was not saved.
        record: what came before the first of them.
        progress: see above.
        ends: how many bytes of each segment count, if it is only to be read; None to write on behind all of them.

    Raises:
        LogDamaged: a record does not decode although its frame's CRC holds.
    """
    table = saved or StreamTable()
    if saved is None:
        table.begin_behind(record.last, revisions_at(directory, record))
    total = sum((directory / name).stat().st_size for name in names if name not in indexes)
    opened: list[Segment] = []
    unindexed: list[tuple[Segment, Revisions]] = []
    done, foreign = 0, ends is not None
    under_way = read_erasure_record(directory).under_way if foreign else None
    for name in names:
        path, trusted = directory / name, indexes.get(name)
        fd, header = _open(path, os.O_RDWR if ends is None else os.O_RDONLY)
        if trusted is not None:
            segment = Segment(path, fd, header, StoredIndex(index_path(path), trusted), unread=True, foreign=foreign)
            if saved is None:
                _learn(segment, table)
        else:
            size = os.fstat(fd).st_size if ends is None else ends[name]
            index, revisions = index_segment(path, header, table, size)
            segment = Segment(path, fd, header, index, foreign=foreign)
            if name != names[-1]:
                unindexed.append((segment, revisions))
            done += size
            progress(done, total)
        if name != names[-1]:
            segment.file.map()
        if ends is not None and under_way is not None and under_way.segment == name:
            segment.file.hold(segment_bytes(path)[: ends[name]])
        opened.append(segment)
    table.next_sequence = opened[-1].last_sequence + 1 if opened else record.last + 1
    return Loaded(opened, table, unindexed)


def _learn(segment: Segment, table: StreamTable) -> None:
    index = segment.index
    assert isinstance(index, StoredIndex)
    try:
        learn(index, table)
    except IndexUnusable:
        segment.index, _ = index_segment(segment.path, segment.header, table, index.end)


def _open(path: Path, flags: int) -> tuple[int, SegmentHeader]:
    fd = os.open(path, flags | os.O_CLOEXEC)
    header = segments.decode_header(os.pread(fd, segments.HEADER_BYTES, 0))
    assert header is not None, f"{path} had a header a moment ago"
    return fd, header
