"""Writing index files in bounded steps, so that no append waits long when a segment is complete.

A step is at most `CHUNK` bytes written and synced, or `BATCH` names looked at: about a millisecond.
"""

from __future__ import annotations

import os
import zlib
from array import array
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import msgspec

from store.disk.files import create_file, replace_file
from store.disk.sync import sync_file, write_all
from store.errors import StoreError
from store.format.index_file import IndexHeader, encode_header, index_path
from store.format.segment import SegmentHeader
from store.index.active_index import SegmentIndex
from store.index.byte_planes import GrowingPlanes
from store.index.name_numbers import name_hashes
from store.index.posting_chains import ALL_BITS

CHUNK = 1 << 18
"""How many bytes a step writes: 0.05 ms of processor time, and a few ms of a disk that is asked to sync them."""

BATCH = 4096
"""How many entries a step looks at: 0.4 ms, 0.5 at the most; four times as many take 1.6 and save nothing in all."""

BUCKET_MASK = 0xFFFF

_NUMBERS = 1 << 15
_ID_BITS = 32
_ID_MASK = 0xFFFF_FFFF

Steps: TypeAlias = "Generator[None, None, None]"
"""Work in steps: each `next` does one."""

Revisions: TypeAlias = "Mapping[int, int] | Sequence[int]"
"""A revision for the id of each stream."""

Column: TypeAlias = "bytes | bytearray | array[int]"
"""A section to be."""


def write_index_file(
    segment: Path,
    header: SegmentHeader,
    index: SegmentIndex,
    revisions: Revisions,
    *,
    sync: bool,
) -> Generator[None, None, IndexHeader]:
    """Write the index file of a segment; the index must not change meanwhile.

    Args:
        segment: the segment's file.
        header: its header.
        index: its index, complete.
        revisions: the last revision of each stream in it, by id.
        sync: whether to make the file durable. Without it a power cut may cost a rebuild.

    Returns:
        What the file says of itself.

    Raises:
        DiskFull: there is no space; nothing of the file is left.
        SyncFailed: the disk did not confirm.
    """
    contents = yield from columns_of(index, revisions)
    types = yield from types_in(index)
    path = index_path(segment)
    draft = path.with_name(path.name + ".new")
    fd = create_file(draft, replace=True)
    try:
        sections = yield from _write(fd, draft, contents, sync=sync)
        described = describe(header, index, types, sections)
        write_all(fd, encode_header(described), sum(length for length, _ in sections), draft)
        if sync:
            sync_file(fd, os.fsync, draft)
    except (StoreError, GeneratorExit):
        draft.unlink()
        raise
    finally:
        os.close(fd)
    replace_file(draft, path)
    return described


def describe(
    header: SegmentHeader, index: SegmentIndex, types: dict[str, int], sections: list[tuple[int, int]]
) -> IndexHeader:
    """Return what the index file of a segment says of itself: all but what `types_in` and the columns say."""
    agents = set(index.agents.numbers(0, len(index.agents)))
    return IndexHeader(
        salt=header.salt,
        first_sequence=header.first_sequence,
        last_sequence=header.first_sequence + len(index) - 1,
        segment_bytes=index.end,
        commands=len(index.command_keys),
        earliest_ns=index.earliest_ns,
        latest_ns=index.latest_ns,
        types=types,
        agents={index.table.agents.name_of(number): number for number in agents},
        sections=sections,
        ordered=index.ordered,
    )


def _write(
    fd: int, path: Path, columns: Sequence[Column], *, sync: bool
) -> Generator[None, None, list[tuple[int, int]]]:
    sections: list[tuple[int, int]] = []
    offset = pending = 0
    for column in columns:
        view = memoryview(column).cast("B")
        crc = 0
        for part in (view[start : start + CHUNK] for start in range(0, len(view), CHUNK)):
            crc = zlib.crc32(part, crc)
            write_all(fd, part, offset, path)
            offset += len(part)
            pending += len(part)
            if pending >= CHUNK:
                if sync:
                    sync_file(fd, os.fdatasync, path)
                pending = 0
                yield
        sections.append((len(view), crc))
    return sections


def columns_of(index: SegmentIndex, revisions: Revisions) -> Generator[None, None, list[Column]]:
    """Return the sections, in their order."""
    by_stream, stream_ids, stream_links = yield from _chained(index.streams, ALL_BITS)
    by_correlation, buckets, correlation_links = yield from _chained(index.correlations, BUCKET_MASK)
    names = [index.table.streams.name_of(number) for number in stream_ids]
    yield
    hashes, hash_ids = yield from _hashed(names, stream_ids)
    return [
        index.frame_firsts,
        index.frame_offsets,
        *index.agents.planes,
        *index.types.planes,
        *index.streams.planes,
        *index.correlations.planes,
        by_stream,
        stream_ids,
        stream_links,
        array("Q", map(revisions.__getitem__, stream_ids)),
        msgspec.msgpack.encode(names),
        hashes,
        hash_ids,
        by_correlation,
        buckets,
        correlation_links,
        index.command_keys,
        index.command_positions,
    ]


def _chained(column: GrowingPlanes, mask: int) -> Generator[None, None, tuple[array[int], array[int], array[int]]]:
    """Return a column's chains: a link for each entry, the buckets in ascending order, and a link for each of these."""
    newest = defaultdict[int, int](int)
    before = array("I")
    for start in range(0, len(column), BATCH):
        links = list[int]()
        link = links.append
        for position, value in enumerate(column.numbers(start, start + BATCH), start + 1):
            bucket = value & mask
            link(newest[bucket])
            newest[bucket] = position
        before.extend(array("I", links))
        yield
    buckets = array("I", sorted(newest))
    yield
    return before, buckets, array("I", map(newest.__getitem__, buckets))


def _hashed(names: Sequence[str], ids: Sequence[int]) -> Generator[None, None, tuple[array[int], array[int]]]:
    """Return the hashes of names in ascending order, and the id of each."""
    runs: list[list[int]] = []
    for start in range(0, len(names), BATCH):
        hashes = name_hashes(names[start : start + BATCH])
        runs.append(sorted(value << _ID_BITS | number for value, number in zip(hashes, ids[start:], strict=False)))
        yield
    in_order = merge(*runs)
    ordered, numbers = array("I"), array("I")
    while part := list(islice(in_order, BATCH)):
        ordered.extend(value >> _ID_BITS for value in part)
        numbers.extend(value & _ID_MASK for value in part)
        yield
    return ordered, numbers


def types_in(index: SegmentIndex) -> Generator[None, None, dict[str, int]]:
    """Return the types that occur."""
    found = set[int]()
    for start in range(0, len(index), _NUMBERS):
        found.update(index.types.numbers(start, start + _NUMBERS))
        yield
    return {index.table.types.name_of(number): number for number in found}
