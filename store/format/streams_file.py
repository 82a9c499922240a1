"""Where the streams were at the last clean stop: saves reading that from every segment's index.

    magic 8 | CRC-32 of what follows 4 | length of the header, u32 | a `SavedStreams` in MessagePack | revisions, u64

The revisions lie at the end, whole chunks of them, so that they need only be mapped. Most names are in a file of their
own (`names_file`). Derived, like an index: without it the table of streams is put together from the segments.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from store.disk.checksum import crc32
from store.disk.files import put_file
from store.disk.mapping import map_file
from store.format.frame import UNREADABLE

STREAMS_NAME = "heads"
_MAGIC = b"MHheads2"
_U32_BYTES = 4
_WIDTH = 8
_CRC_AT = len(_MAGIC)
_HEADER_AT = _CRC_AT + 2 * _U32_BYTES


class SavedStreams(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The table of streams of a log.

    Attributes:
        last_sequence: the log's last.
        in_file: how many streams have their names in the file of names; their numbers are the first ones.
        names_crc: by which that file is known.
        names: the names of the other streams, in the order of their numbers.
        types: the names of types, in the order of their numbers; those of agents are like that.
        agents: see there.
        index: the index file, by salt and CRCs, in which the streams have these numbers; empty if in none.
        byteorder: that of the revisions.
    """

    last_sequence: int
    in_file: int
    names_crc: int
    names: Sequence[str]
    types: Sequence[str]
    agents: Sequence[str]
    index: bytes = b""
    byteorder: str = sys.byteorder


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SavedStreams).decode


def write_streams(directory: Path, saved: SavedStreams, revisions: Sequence[bytes | memoryview]) -> None:
    """Save the table of streams; nothing may be staged.

    Args:
        directory: the log's.
        saved: all but the revisions.
        revisions: those, in whole chunks.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk refused it for another reason.
    """
    header = _encode(saved)
    header += bytes(-(_HEADER_AT + len(header)) % _WIDTH)  # so that the revisions are aligned
    content = b"".join((len(header).to_bytes(_U32_BYTES, "little"), header, *revisions))
    crc = crc32(content).to_bytes(_U32_BYTES, "little")
    put_file(directory / STREAMS_NAME, _MAGIC + crc + content, durably=False)


def read_streams(directory: Path, last_sequence: int) -> tuple[SavedStreams, memoryview] | None:
    """Return what was saved of a log with this last sequence, and the revisions, mapped; None if it is not legible."""
    content = _content(directory / STREAMS_NAME)
    if content is None:
        return None
    begin = _HEADER_AT + int.from_bytes(content[_CRC_AT + _U32_BYTES : _HEADER_AT], "little")
    try:
        saved = _decode(bytes(content[_HEADER_AT:begin]).rstrip(b"\0"))
    except UNREADABLE:
        return None
    whole = saved.last_sequence == last_sequence and saved.byteorder == sys.byteorder
    return (saved, content[begin:]) if whole else None


def _content(path: Path) -> memoryview | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        content = map_file(fd)
    except OSError:  # it may be empty
        return None
    finally:
        os.close(fd)
    crc = crc32(content[_CRC_AT + _U32_BYTES :]).to_bytes(_U32_BYTES, "little")
    return content if len(content) >= _HEADER_AT and bytes(content[: _CRC_AT + _U32_BYTES]) == _MAGIC + crc else None
