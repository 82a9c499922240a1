"""From segments in order to segments that can be searched, and the heads."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from store.format import segment as segments
from store.format.index_file import IndexHeader, index_path
from store.format.retention_record import Gone
from store.format.segment import SegmentHeader
from store.index.build import Revisions
from store.index.rebuild import index_segment, learn
from store.index.stored import IndexUnusable, SealedIndex
from store.index.stream_table import Heads
from store.reading.segment_reader import Segment

Progress = Callable[[int, int], None]
"""Is told how many bytes of how many have been indexed, after each segment that had no usable index file."""


def unseen(_done: int, _total: int) -> None:
    """Show no progress."""


class Loaded(NamedTuple):
    """An opened log.

    Attributes:
        segments: in order.
        heads: of its streams.
        unsealed: what `Sealer.add` still has to be told.
        lost: how many acknowledged events were cut, because they cannot be read.
    """

    segments: list[Segment]
    heads: Heads
    unsealed: list[tuple[Segment, Revisions]]
    lost: int = 0


def load_segments(  # noqa: PLR0917 - what opening found out
    directory: Path,
    names: Sequence[str],
    indexes: Mapping[str, IndexHeader],
    saved: Heads | None,
    gone: Gone,
    progress: Progress,
) -> Loaded:
    """Open segments, index those that have no index file, and find out where the streams are.

    Args:
        directory: the log's.
        names: the segments that count, in order, and nothing in them that does not.
        indexes: the index files that can be trusted.
        saved: the heads, None if they are not known.
        gone: what comes before the first of them.
        progress: see above.

    Raises:
        LogDamaged: a record does not decode although its frame's CRC holds.
    """
    heads = saved or Heads()
    if saved is None:
        heads.begin_behind(gone)
    total = sum((directory / name).stat().st_size for name in names if name not in indexes)
    opened: list[Segment] = []
    unsealed: list[tuple[Segment, Revisions]] = []
    done = 0
    for name in names:
        path, trusted = directory / name, indexes.get(name)
        fd, header = _open(path)
        if trusted is not None:
            segment = Segment(path, fd, header, SealedIndex(index_path(path), trusted), unread=True)
            if saved is None:
                _learn(segment, heads)
        else:
            size = os.fstat(fd).st_size
            index, revisions = index_segment(path, header, heads, size)
            segment = Segment(path, fd, header, index)
            if name != names[-1]:
                unsealed.append((segment, revisions))
            done += size
            progress(done, total)
        opened.append(segment)
    heads.next_sequence = opened[-1].last_sequence + 1 if opened else gone.last + 1
    return Loaded(opened, heads, unsealed)


def _learn(segment: Segment, heads: Heads) -> None:
    index = segment.index
    assert isinstance(index, SealedIndex)
    try:
        learn(index, heads)
    except IndexUnusable:
        segment.index, _ = index_segment(segment.path, segment.header, heads, index.end)


def _open(path: Path) -> tuple[int, SegmentHeader]:
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    header = segments.decode_header(os.pread(fd, segments.HEADER_BYTES, 0))
    assert header is not None, f"{path} had a header a moment ago"
    return fd, header
