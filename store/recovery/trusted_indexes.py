"""Which index files may stand for their segments, so that opening need not read these.

An index file is written when its segment is complete, so it says where the segment ends and what it holds. It counts if

- its own checksum holds and it names the salt of the segment that is there,
- the segment is as long as it says, and the next one begins where it ends,
- all of the segment was durable: the note of a clean stop or the header of a later segment says so.

Then the segment's frames are what they were, unless bits have flipped since: reading checks every frame that it reads
whole, and `verify` checks all of them.
"""

import os
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from store.format import segment as segments
from store.format.index_file import IndexHeader, index_path, read_header
from store.format.segment import SegmentHeader
from store.recovery.what_counts import Scan


class _Seen(NamedTuple):
    name: str
    size: int
    header: SegmentHeader | None


def trusted_indexes(directory: Path, names: Sequence[str], durable: int) -> dict[str, tuple[Scan, IndexHeader]]:
    """Return what index files say about those of the segments that they may stand for.

    Args:
        directory: the log's.
        names: every segment of the log, in order.
        durable: up to which sequence the files beside the segments call the log durable.
    """
    trusted: dict[str, tuple[Scan, IndexHeader]] = {}
    following = None
    for name in reversed(names):
        seen = _look(directory / name)
        index = read_header(index_path(directory / name))
        if seen.header and index and _agree(seen, seen.header, index, durable, following):
            trusted[name] = scan_by_index(seen.name, seen.size, seen.header, index), index
        if seen.header:
            durable, following = max(durable, seen.header.durable), seen.header.first_sequence
    return trusted


def scan_by_index(name: str, size: int, header: SegmentHeader, index: IndexHeader) -> Scan:
    """Return what scanning a segment would find, but for its frames."""
    return Scan(name, size, header, array("Q"), array("Q"), size, index.last_sequence, header.durable)


def _look(path: Path) -> _Seen:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _Seen(path.name, os.fstat(fd).st_size, segments.decode_header(os.pread(fd, segments.HEADER_BYTES, 0)))
    finally:
        os.close(fd)


def _agree(seen: _Seen, header: SegmentHeader, index: IndexHeader, durable: int, following: int | None) -> bool:
    return (
        (index.salt, index.first_sequence) == (header.salt, header.first_sequence)
        and index.segment_bytes == seen.size
        and index.last_sequence <= durable
        and following in (None, index.last_sequence + 1)
    )
