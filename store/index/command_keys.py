"""The keys of commands: 64 bits for each, by which an index knows which commands a segment carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from store.disk.digest import blake2b
from store.format.frame import Command
from store.format.index_file import Section
from store.index.active_index import SegmentIndex
from store.index.interface import Index, IndexedSegment
from store.index.stored_index import StoredIndex

_KEY_BYTES = 8


class EarlierCommands(msgspec.Struct, frozen=True):
    """Commands of before: how many, and how to load the key and the frame's first sequence of each."""

    count: int = 0
    load: Callable[[], Iterable[tuple[int, int]]] = tuple[tuple[int, int]]


def command_key(command: Command) -> int:
    """Return 64 bits of a command's name that are the same in every process."""
    return key_of(command.agent, command.command_id)


def key_of(agent: str, command_id: str) -> int:
    """Return the same, of a name in its two parts."""
    return int.from_bytes(blake2b(f"{agent}\0{command_id}".encode(), digest_size=_KEY_BYTES).digest(), "little")


def commands_in(index: Index) -> int:
    """Return how many commands a segment carried out."""
    if isinstance(index, StoredIndex):
        return index.header.commands
    assert isinstance(index, SegmentIndex)
    return len(index.command_keys)


def commands_of(segment: IndexedSegment) -> Iterator[tuple[int, int]]:
    """Yield the key of each command that a segment carried out, and the first sequence of its frame.

    Raises:
        IndexUnusable: a column is unusable.
    """
    index, first = segment.index, segment.first_sequence
    keys: Iterable[int]
    positions: Iterable[int]
    if isinstance(index, StoredIndex):
        keys, positions = index.column(Section.COMMAND_KEYS, "Q"), index.column(Section.COMMAND_POSITIONS)
    else:
        assert isinstance(index, SegmentIndex)
        keys, positions = index.command_keys, index.command_positions
    return zip(keys, map(first.__add__, positions), strict=True)
