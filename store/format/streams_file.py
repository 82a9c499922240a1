"""Where the streams were at the last clean stop: saves reading that from every segment's index.

    magic 8 | CRC 4 | a `SavedHeads` in MessagePack

Derived, like an index: without it the heads are put together from the segments.
"""

import zlib
from pathlib import Path

import msgspec

from store.disk.files import put_file
from store.format.frame import UNREADABLE
from store.index.stream_table import Heads

HEADS_NAME = "heads"
_MAGIC = b"MHheads1"
_CRC_END = 12


class SavedHeads(msgspec.Struct, frozen=True, array_like=True):
    """The heads of a log whose last sequence is this; names in the order of their ids."""

    last_sequence: int
    streams: list[str]
    revisions: list[int]
    types: list[str]
    agents: list[str]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SavedHeads).decode


def write_heads(directory: Path, heads: Heads) -> None:
    """Save the heads; nothing may be staged.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk refused it for another reason.
    """
    content = _encode(
        SavedHeads(
            heads.next_sequence - 1,
            list(heads.streams.names),
            heads.revisions,
            list(heads.types.names),
            list(heads.agents.names),
        )
    )
    put_file(directory / HEADS_NAME, _MAGIC + zlib.crc32(content).to_bytes(4, "little") + content, durably=False)


def read_heads(directory: Path, last_sequence: int) -> Heads | None:
    """Return the heads of a log with this last sequence; None if they were not saved, or not legibly."""
    try:
        data = (directory / HEADS_NAME).read_bytes()
    except FileNotFoundError:
        return None
    content = memoryview(data)[_CRC_END:]
    if data[:_CRC_END] != _MAGIC + zlib.crc32(content).to_bytes(4, "little"):
        return None
    try:
        saved = _decode(content)
    except UNREADABLE:
        return None
    if saved.last_sequence != last_sequence or len(saved.streams) != len(saved.revisions):
        return None
    heads = Heads()
    heads.load(saved.streams, saved.revisions, saved.types, saved.agents)
    heads.next_sequence = last_sequence + 1
    return heads
