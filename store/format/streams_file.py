"""Where the streams were at the last clean stop: saves reading that from every segment's index.

    magic 8 | CRC-32 of the content 4 | a `SavedStreams` in MessagePack

Derived, like an index: without it the table of streams is put together from the segments.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from store.disk.files import put_file
from store.disk.small_file import read_with_crc, with_crc
from store.format.frame import UNREADABLE

STREAMS_NAME = "heads"
_MAGIC = b"MHheads1"


class SavedStreams(msgspec.Struct, frozen=True, array_like=True):
    """The table of streams of a log whose last sequence is this; names in the order of their ids."""

    last_sequence: int
    streams: Sequence[str]
    revisions: Sequence[int]
    types: Sequence[str]
    agents: Sequence[str]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SavedStreams).decode


def write_streams(directory: Path, saved: SavedStreams) -> None:
    """Save the table of streams; nothing may be staged.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk refused it for another reason.
    """
    put_file(directory / STREAMS_NAME, with_crc(_encode(saved), _MAGIC), durably=False)


def read_streams(directory: Path, last_sequence: int) -> SavedStreams | None:
    """Return what was saved of a log with this last sequence; None if nothing was, or not legibly."""
    content = read_with_crc(directory / STREAMS_NAME, _MAGIC)
    if content is None:
        return None
    try:
        saved = _decode(content)
    except UNREADABLE:
        return None
    whole = saved.last_sequence == last_sequence and len(saved.streams) == len(saved.revisions)
    return saved if whole else None
