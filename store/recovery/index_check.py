"""Checking what is derived against the log: index files, and the saved table of streams.

A checksum says only that a file is as it was written. So the index of a segment is made once more from its frames, with
the ids that the file gives to names, and each column must come out the same. A file that open would not use is passed
over: it is made again anyway.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn, TypeVar, cast

import msgspec

from store.disk.checksum import crc32
from store.errors import LogDamaged
from store.format.frame import UNREADABLE
from store.format.index_file import IndexHeader, Section, index_path, read_header, read_section
from store.format.segment import SegmentHeader
from store.format.streams_file import STREAMS_NAME
from store.index.active_index import SegmentIndex
from store.index.rebuild import index_frames
from store.index.write_index_file import columns_of, describe
from store.recovery.saved_table import load_table
from store.recovery.survey import Found
from store.recovery.what_counts import Kept
from store.streams.name_numbers import Interner
from store.streams.stream_names import StreamNames
from store.streams.stream_table import StreamTable

_decode_names = msgspec.msgpack.Decoder(list[str]).decode

T = TypeVar("T")


class _UnknownNameError(Exception):
    """The index has no id for a name that occurs."""


class _GivenStreams(StreamNames):
    """The names of streams in an index file, with its ids; there are no others."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        super().__init__()
        self._numbers.update(ids)
        self._names_of = {number: name for name, number in ids.items()}

    def names_of(self, numbers: Iterable[int]) -> list[str]:
        return [self._names_of[number] for number in numbers]

    def add(self, names: Iterable[str]) -> None:
        if unknown := list(names):
            raise _UnknownNameError(unknown)


class _Given(Interner):
    """The names of an index file, with its ids; there are no others."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        super().__init__("name")
        self._ids.update(ids)
        self._names_of = {number: name for name, number in ids.items()}

    def name_of(self, number: int) -> str:
        return self._names_of[number]

    def id_of(self, name: str) -> int:
        number = self.known(name)
        return self.add([name]) if number is None else number

    def add(self, names: object) -> NoReturn:
        raise _UnknownNameError(names)


def contradictions(directory: Path, found: Found, revisions: Mapping[str, int]) -> Iterator[tuple[Path, str]]:
    """Yield each derived file that contradicts the log, and how. Deleting it makes open make it again.

    Args:
        directory: the log's.
        found: what is there.
        revisions: the revision of each stream.
    """
    for keep in found.recovery.kept:
        if what := check_index(directory, keep):
            yield index_path(directory / keep.scan.name), what
    if found.clean and (what := check_streams(directory, found.recovery.last, revisions)):
        yield directory / STREAMS_NAME, what


def check_index(directory: Path, keep: Kept) -> str | None:
    """Say how a segment's index file contradicts the segment; None if it does not, or does not count.

    Args:
        directory: the log's.
        keep: the segment.
    """
    header, path = keep.scan.header, index_path(directory / keep.scan.name)
    described = read_header(path)
    if header is None or described is None or described.salt != header.salt or described.segment_bytes != keep.end:
        return None
    expected = (header.first_sequence, keep.last)
    if (described.first_sequence, described.last_sequence) != expected:
        return f"covers events {described.first_sequence} to {described.last_sequence} instead of {expected}"
    try:
        table = _given_table(path, described)
        if table is None:
            return None  # a section is unreadable: the index is made again when that one is used
        index, reached = index_frames(directory / keep.scan.name, header, table, keep.end)
    except _UnknownNameError as unknown:
        return f"does not know {unknown}"
    except (LogDamaged, *UNREADABLE):
        return None  # the segment itself, which is reported elsewhere, or names that are made again when they are used
    return _compare(described, header, index, reached)


def check_streams(directory: Path, last: int, revisions: Mapping[str, int]) -> str | None:
    """Say how the saved table of streams contradicts the log; None if they do not, or do not count."""
    table = load_table(directory, last, whole=True)
    if table is None:
        return None
    saved = {name: table.revisions[number] for number, name in enumerate(table.streams) if table.revisions[number]}
    wrong = {name for name in saved.keys() | revisions.keys() if saved.get(name, 0) != revisions.get(name, 0)}
    wrong |= {name for number, name in enumerate(table.streams) if table.streams.known(name) != number}
    return f"says otherwise than the log where {len(wrong)} streams are, such as {min(wrong)!r}" if wrong else None


def _given_table(path: Path, described: IndexHeader) -> StreamTable | None:
    ids = read_section(path, described, Section.STREAM_IDS)
    names = read_section(path, described, Section.STREAM_NAMES)
    if ids is None or names is None:
        return None
    table = StreamTable()
    table.streams = _GivenStreams(dict(zip(_decode_names(names), memoryview(ids).cast("I"), strict=False)))
    table.types, table.agents = _Given(described.types), _Given(described.agents)
    return table


def _compare(
    described: IndexHeader, header: SegmentHeader, index: SegmentIndex, reached: Mapping[int, int]
) -> str | None:
    columns = _done(columns_of(index, reached))
    views = [memoryview(column).cast("B") for column in columns]
    sections = [(len(view), crc32(view)) for view in views]
    expected = msgspec.structs.asdict(describe(header, index, columns, sections))
    said = msgspec.structs.asdict(described)
    expected["ordered"] &= said["ordered"]  # to claim less only makes it slower
    wrong = [name for name in expected if expected[name] != said[name]]
    places = [
        _name_of(number) for number, pair in enumerate(zip(sections, said["sections"], strict=True)) if len({*pair}) > 1
    ]
    return f"says otherwise than its segment about {', '.join([*wrong, *dict.fromkeys(places)])}" if wrong else None


def _name_of(number: int) -> str:
    """Name a section: the last one that begins there or before, since planes are four."""
    return max(section for section in Section if section <= number).name.lower()


def _done(steps: Generator[None, None, T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return cast("T", stop.value)
