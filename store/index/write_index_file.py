"""Writing index files in bounded steps, so that no append waits long when a segment is complete.

A step is about `CHUNK` bytes written and synced, or `BATCH` entries looked at: a millisecond at the most.
"""

from __future__ import annotations

import os
from array import array
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import msgspec

from store.disk.files import create_file, replace_file
from store.disk.sync import sync_file, write_all
from store.errors import StoreError
from store.format.checksum import crc32
from store.format.index_file import IndexHeader, Section, encode_header, index_path
from store.format.segment import SegmentHeader
from store.index.active_index import SegmentIndex
from store.index.byte_planes import GrowingPlanes
from store.index.name_numbers import name_hashes
from store.index.postings import BUCKET_MASK

CHUNK = 1 << 18
"""How many bytes a step writes: 0.05 ms of processor time, and a few ms of a disk that is asked to sync them."""

BATCH = 4096
"""After how many entries a step ends: 0.4 ms, 0.8 at the most; four times as many take 1.6 and save nothing in all."""

_A_KEY = 4
"""To put a group in its place takes as long as looking at so many entries."""

_IN_A_ROW = 4
"""So many positions in a row are added in the time of one that stands alone."""

_NO_BUCKET = BUCKET_MASK + 1
"""Stands for the bucket of events without a correlation id, which is left out."""

_ID_BITS = 32
_ID_MASK = 0xFFFF_FFFF

Steps: TypeAlias = "Generator[None, None, None]"
"""Work in steps: each `next` does one."""

Revisions: TypeAlias = "Mapping[int, int] | Sequence[int]"
"""A revision for the id of each stream."""

Column: TypeAlias = "bytes | bytearray | array[int]"
"""A section to be."""

Grouped: TypeAlias = "tuple[array[int], array[int], array[int]]"
"""A column's postings: the keys, the start of each one's group, the positions."""


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
    fd = create_file(draft, replace=True)
    try:
        sections = yield from _write(fd, draft, contents, sync=sync)
        described = describe(header, index, contents, sections)
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
    header: SegmentHeader, index: SegmentIndex, columns: Sequence[Column], sections: list[tuple[int, int]]
) -> IndexHeader:
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


def _write(
    fd: int, path: Path, columns: Sequence[Column], *, sync: bool
) -> Generator[None, None, list[tuple[int, int]]]:
    sections: list[tuple[int, int]] = []
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
    by_tag = yield from _one_after_the_other(dict(index.by_tag.groups), pace)
    stream_ids = by_stream[0]
    names = [index.table.streams.name_of(number) for number in stream_ids]
    if pace.due(len(names)):
        yield
    hashes, hash_ids = yield from _hashed(names, stream_ids, pace)
    if pace.due(len(names)):
        yield
    last_ones, encoded = array("Q", map(revisions.__getitem__, stream_ids)), msgspec.msgpack.encode(names)
    if pace.due(len(names)):
        yield
    return [
        index.frame_firsts,
        index.frame_offsets,
        *index.agents.planes,
        *index.types.planes,
        *index.streams.planes,
        *index.correlations.planes,
        *by_stream,
        last_ones,
        encoded,
        hashes,
        hash_ids,
        *by_type,
        *by_agent,
        *by_correlation,
        index.command_keys,
        index.command_positions,
        *by_tag,
    ]


class Pace:
    """Says when a step was long enough: what is small is done in one step together with what comes next."""

    def __init__(self) -> None:
        self._done = 0

    def due(self, entries: int) -> bool:
        """Count so many entries as looked at; say whether that is enough for a step."""
        self._done += entries
        if self._done < BATCH:
            return False
        self._done = 0
        return True


def grouped(column: GrowingPlanes, pace: Pace) -> Generator[None, None, Grouped]:
    """Return a column's postings."""
    groups = _groups()
    for start in range(0, len(column), BATCH):
        numbers = column.numbers(start, start + BATCH)
        for position, value in enumerate(numbers, start):
            groups[value].append(position)
        if pace.due(len(numbers)):
            yield
    return (yield from _one_after_the_other(groups, pace))


def grouped_hashes(column: GrowingPlanes, pace: Pace) -> Generator[None, None, Grouped]:
    """Return the postings of a column of hashes, by their buckets; 0 has none."""
    groups = _groups()
    for start in range(0, len(column), BATCH):
        numbers = column.numbers(start, start + BATCH)
        buckets = [value & BUCKET_MASK if value else _NO_BUCKET for value in numbers]
        for position, bucket in enumerate(buckets, start):
            groups[bucket].append(position)
        if pace.due(len(numbers)):
            yield
    groups.pop(_NO_BUCKET, None)
    return (yield from _one_after_the_other(groups, pace))


def grouped_agents(index: SegmentIndex, pace: Pace) -> Generator[None, None, Grouped]:
    """Return the agents' postings: of the events, though the column has an entry for each frame."""
    groups, firsts = _groups(), index.frame_firsts
    for start in range(0, len(firsts), BATCH):
        begins = firsts[start : start + BATCH + 1]
        begins.extend((len(index),))  # behind the last frame; one too many before it
        for number, begin, end in zip(index.agents.numbers(start, start + BATCH), begins, begins[1:], strict=False):
            groups[number].extend(range(begin, end))
            if pace.due(1 + (end - begin) // _IN_A_ROW):  # its events, too, may be many
                yield
    return (yield from _one_after_the_other(groups, pace))


def _groups() -> defaultdict[int, array[int]]:
    return defaultdict(partial(array, "I"))


def _one_after_the_other(groups: dict[int, array[int]], pace: Pace) -> Generator[None, None, Grouped]:
    """Return groups as postings; they are emptied on the way."""
    keys, starts, positions = array("I"), array("I"), array("I")
    runs: list[list[int]] = []
    remaining = iter(groups)
    while run := sorted(islice(remaining, BATCH)):
        runs.append(run)
        if pace.due(len(run)):
            yield
    in_order = merge(*runs)
    while part := list(islice(in_order, BATCH // _A_KEY)):
        keys.extend(part)
        for key in part:
            starts.append(len(positions))
            positions.extend(groups.pop(key))
        if pace.due(_A_KEY * len(part)):
            yield
    starts.append(len(positions))
    return keys, starts, positions


def _hashed(
    names: Sequence[str], ids: Sequence[int], pace: Pace
) -> Generator[None, None, tuple[array[int], array[int]]]:
    """Return the hashes of names in ascending order, and the id of each."""
    runs: list[list[int]] = []
    for start in range(0, len(names), BATCH):
        hashes = name_hashes(names[start : start + BATCH])
        runs.append(sorted(value << _ID_BITS | number for value, number in zip(hashes, ids[start:], strict=False)))
        if pace.due(len(hashes)):
            yield
    in_order = merge(*runs)
    ordered, numbers = array("I"), array("I")
    while part := list(islice(in_order, BATCH)):
        ordered.extend(value >> _ID_BITS for value in part)
        numbers.extend(value & _ID_MASK for value in part)
        if pace.due(len(part)):
            yield
    return ordered, numbers
