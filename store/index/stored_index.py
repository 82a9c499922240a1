"""The index of a complete segment: loaded from its file, column by column, when a query first needs it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from store.format.index_file import IndexHeader, Section, read_section
from store.index.byte_planes import PLANES, Planes
from store.index.postings import HashPostings, Postings
from store.streams.name_numbers import name_hash

_decode_names = msgspec.msgpack.Decoder(list[str]).decode


class IndexUnusable(Exception):  # noqa: N818 - it is the index that is unusable; callers never see it
    """A column of an index file is gone or damaged: the segment must be indexed again.

    Attributes:
        index: the index that cannot be used.
    """

    def __init__(self, index: StoredIndex) -> None:
        super().__init__(str(index.path))
        self.index = index


class StoredIndex:
    """The index of a segment that is not written to any more.

    Every column may raise `IndexUnusable` when it is first needed.

    Args:
        path: the index file.
        header: what it says of itself, read before.
    """

    def __init__(self, path: Path, header: IndexHeader) -> None:
        self.path = path
        self.header = header
        self.earliest_ns = header.earliest_ns
        self.latest_ns = header.latest_ns
        self.ordered = header.ordered
        self.end = header.segment_bytes
        self._columns: dict[Section, memoryview[int]] = {}
        self._planes: dict[Section, Planes] = {}
        self._postings: dict[Section, Postings] = {}

    def __len__(self) -> int:
        """Return how many events there are."""
        return self.header.last_sequence - self.header.first_sequence + 1

    @property
    def frame_firsts(self) -> memoryview[int]:
        """The position of each frame's first event."""
        return self._kept_column(Section.FRAME_FIRSTS)

    @property
    def frame_offsets(self) -> memoryview[int]:
        """The byte at which each frame begins."""
        return self._kept_column(Section.FRAME_OFFSETS)

    @property
    def streams(self) -> Planes:
        """The ids of streams, by position."""
        return self._kept_planes(Section.STREAMS)

    @property
    def by_stream(self) -> Postings:
        """Searches them."""
        return self._kept_postings(Section.STREAM_IDS)

    @property
    def correlations(self) -> Planes:
        """The hashes of correlation ids, by position."""
        return self._kept_planes(Section.CORRELATIONS)

    @property
    def by_correlation(self) -> Postings:
        """Searches them."""
        return self._kept_postings(Section.CORRELATION_BUCKETS)

    @property
    def agents(self) -> Planes:
        """The ids of agents, by number of frame."""
        return self._kept_planes(Section.AGENTS)

    @property
    def types(self) -> Planes:
        """The ids of types, by position."""
        return self._kept_planes(Section.TYPES)

    @property
    def by_type(self) -> Postings:
        """Searches them."""
        return self._kept_postings(Section.TYPE_IDS)

    @property
    def by_agent(self) -> Postings:
        """Searches the ids of agents, by position."""
        return self._kept_postings(Section.AGENT_IDS)

    @property
    def by_tag(self) -> Postings:
        """Searches the hashes of tags, by position."""
        return self._kept_postings(Section.TAG_HASHES)

    def stream_ids(self, name: str) -> tuple[int, ...]:
        """Return the ids of streams whose names have this one's hash."""
        hashes, ids = self._kept_column(Section.HASHES), self._kept_column(Section.HASH_IDS)
        wanted = name_hash(name)
        first = end = bisect_left(hashes, wanted)
        while end < len(hashes) and hashes[end] == wanted:
            end += 1
        return tuple(ids[first:end])

    def type_ids(self, name: str) -> tuple[int, ...]:
        """Return a type's id, if any of its events is here."""
        number = self.header.types.get(name)
        return () if number is None else (number,)

    def agent_ids(self, name: str) -> tuple[int, ...]:
        """Return an agent's id, if any of its events is here."""
        number = self.header.agents.get(name)
        return () if number is None else (number,)

    def revision_bounds(self, streams: Iterable[int], after: int, before: int | None) -> tuple[int, int]:
        """Return between which positions, the second excluded, all events with such revisions of streams lie.

        Revisions have no gaps, so how many events a stream has here, and the last one's revision, tell which is which.

        Args:
            streams: the ids that the stream may have.
            after: with a greater revision.
            before: with a smaller one; None means any.
        """
        postings, last_ones = self.by_stream, self._kept_column(Section.STREAM_REVISIONS, "Q")
        low, high = len(self), 0
        for stream in streams:
            if (place := postings.place_of(stream)) is None:
                continue
            begin, end = postings.group(place)
            behind = last_ones[place] + 1
            first = max(after + 1, behind - (end - begin))
            past = behind if before is None else min(before, behind)
            if first < past:
                low = min(low, postings.positions[end - (behind - first)])
                high = max(high, postings.positions[end - (behind - past) - 1] + 1)
        return low, high

    def stream_names(self) -> list[str]:
        """Return the names of its streams, as STREAM_IDS orders them; read anew each time."""
        return _decode_names(self.section(Section.STREAM_NAMES))

    def column(self, section: Section, code: Literal["I", "Q"] = "I") -> memoryview[int]:
        """Return a column of numbers, read anew each time: u32, or `Q` for u64."""
        return memoryview(self.section(section)).cast(code)

    def section(self, section: int) -> bytes:
        """Return a section's bytes, read anew each time."""
        data = read_section(self.path, self.header, section)
        if data is None:
            raise IndexUnusable(self)
        return data

    def _kept_column(self, section: Section, code: Literal["I", "Q"] = "I") -> memoryview[int]:
        if section not in self._columns:
            self._columns[section] = self.column(section, code)
        return self._columns[section]

    def _kept_planes(self, section: Section) -> Planes:
        if section not in self._planes:
            self._planes[section] = Planes([self.section(section + number) for number in range(PLANES)])
        return self._planes[section]

    def _kept_postings(self, keys: Section) -> Postings:
        """Return postings: three sections, the keys, the starts, and the positions."""
        if keys not in self._postings:
            loaded = [self.column(Section(keys + number)) for number in range(3)]
            hashes = keys is Section.CORRELATION_BUCKETS
            self._postings[keys] = HashPostings(self.correlations, *loaded) if hashes else Postings(*loaded)
        return self._postings[keys]
