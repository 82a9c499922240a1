"""Writing index files in bounded steps, so that no append waits long when a segment is complete.

A step is about `CHUNK` bytes written and synced, or `BATCH` entries looked at: a millisecond at the most.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import msgspec

from store.disk.checksum import crc32
from store.disk.files import create_file, replace_file
from store.disk.sync import sync_file, write_all
from store.errors import StoreError
from store.format.index_file import IndexHeader, Section, encode_header, index_path
from store.format.segment import SegmentHeader
from store.index.active_index import SegmentIndex
from store.index.group_positions import A_KEY, BATCH, Pace, grouped, grouped_agents, grouped_hashes, one_after_the_other
from store.streams.name_numbers import name_hashes
from store.streams.revisions import Revisions as SavedRevisions

CHUNK = 1 << 18
"""How many bytes a step writes: 0.05 ms of processor time, and a few ms of a disk that is asked to sync them."""

_SHORT = 0xFFFF
_LONG = b"\xdd"
"""Before the length of an array of more items than that, in MessagePack."""

_ID_BITS = 32
_ID_MASK = 0xFFFF_FFFF

Steps: TypeAlias = "Generator[None, None, None]"
"""Work in steps: each `next` does one."""

Revisions: TypeAlias = Mapping[int, int] | SavedRevisions
"""A revision for the id of each stream."""

Column: TypeAlias = "bytes | bytearray | array[int]"
"""A section to be."""

Sections: TypeAlias = "list[tuple[int, int]]"
"""The length of each section in bytes, and its CRC-32."""


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
    path = index_path(segment)
    draft = path.with_name(path.name + ".new")
    described = yield from draft_index_file(draft, contents, partial(describe, header, index, contents), sync=sync)
    replace_file(draft, path)
    return described


def draft_index_file(
    draft: Path, contents: Sequence[Column], described: Callable[[Sections], IndexHeader], *, sync: bool
) -> Generator[None, None, IndexHeader]:
    """Write what is to become an index file; the caller gives it its name.

    Args:
        draft: where.
        contents: the sections, in their order.
        described: what the file says of itself, by the length and the CRC of each section.
        sync: whether to make the file durable.

    Returns:
        What the file says of itself.

    Raises:
        DiskFull: there is no space; nothing of the file is left.
        SyncFailed: the disk did not confirm.
    """
    fd = create_file(draft, replace=True)
    try:
        sections = yield from _write(fd, draft, contents, sync=sync)
        header = described(sections)
        write_all(fd, encode_header(header), sum(length for length, _ in sections), draft)
        if sync:
            sync_file(fd, os.fsync, draft)
    except (StoreError, GeneratorExit):
        draft.unlink()
        raise
    finally:
        os.close(fd)
    return header


def describe(header: SegmentHeader, index: SegmentIndex, columns: Sequence[Column], sections: Sections) -> IndexHeader:
    """Return what the index file of a segment with these columns says of itself."""
    return IndexHeader(
        salt=header.salt,
        first_sequence=header.first_sequence,
        last_sequence=header.first_sequence + len(index) - 1,
        segment_bytes=index.end,
        commands=len(index.command_keys),
        earliest_ns=index.earliest_ns,
        latest_ns=index.latest_ns,
        types={index.table.types.name_of(number): number for number in columns[Section.TYPE_IDS]},
        agents={index.table.agents.name_of(number): number for number in columns[Section.AGENT_IDS]},
        sections=sections,
        ordered=index.ordered,
    )


def _write(fd: int, path: Path, columns: Sequence[Column], *, sync: bool) -> Generator[None, None, Sections]:
    sections: Sections = []
    offset = pending = 0
    for column in columns:
        view = memoryview(column).cast("B")
        crc = 0
        for part in (view[start : start + CHUNK] for start in range(0, len(view), CHUNK)):
            crc = crc32(part, crc)
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
    pace = Pace()
    by_stream = yield from grouped(index.streams, pace)
    by_type = yield from grouped(index.types, pace)
    by_agent = yield from grouped_agents(index, pace)
    by_correlation = yield from grouped_hashes(index.correlations, pace)
    by_tag = yield from one_after_the_other([dict(index.by_tag.groups)], pace)
    stream_ids = by_stream[0]
    last_ones, encoded = array("Q"), [_array_head(len(stream_ids))]
    runs: list[array[int]] = []
    for start in range(0, len(stream_ids), BATCH // A_KEY):
        ids = stream_ids[start : start + BATCH // A_KEY]
        names = index.table.streams.names_of(ids)
        last_ones.extend(map(revisions.__getitem__, ids))
        encoded.append(msgspec.msgpack.encode(names)[len(_array_head(len(names))) :])
        hashed = zip(name_hashes(names), ids, strict=True)
        runs.append(array("Q", sorted(value << _ID_BITS | number for value, number in hashed)))
        if pace.due(A_KEY * len(ids)):
            yield
    hashes, hash_ids = yield from _in_two(merge(*runs), pace)
    return [
        index.frame_firsts,
        index.frame_offsets,
        *index.agents.planes,
        *index.types.planes,
        *index.streams.planes,
        *index.correlations.planes,
        *by_stream,
        last_ones,
        b"".join(encoded),
        hashes,
        hash_ids,
        *by_type,
        *by_agent,
        *by_correlation,
        index.command_keys,
        index.command_positions,
        *by_tag,
    ]


def _array_head(count: int) -> bytes:
    """Return what an array in MessagePack begins with."""
    if count > _SHORT:
        return _LONG + count.to_bytes(4, "big")
    return msgspec.msgpack.encode([None] * count)[: -count or None]


def _in_two(hashed: Iterable[int], pace: Pace) -> Generator[None, None, tuple[array[int], array[int]]]:
    """Return hashes with an id below each as hashes, and the id of each."""
    in_order = iter(hashed)
    ordered, numbers = array("I"), array("I")
    while part := list(islice(in_order, BATCH // A_KEY)):
        ordered.extend(value >> _ID_BITS for value in part)
        numbers.extend(value & _ID_MASK for value in part)
        if pace.due(A_KEY * len(part)):
            yield
    return ordered, numbers
