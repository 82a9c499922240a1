"""The format of index files: the columns of a segment's index, then a description of them. Pure, but for reading.

    sections  the columns of `Section`, one after the other
    header    an `IndexHeader` in MessagePack: which segment, names of types and agents, each section's length and CRC
    end       24 bytes, little endian: header bytes 4 | CRC of the header 4 | reserved 8 | magic 8

An index file is derived: whatever is wrong with one, the segment's own frames make another. So numbers are as the
machine has them, a file of a machine with another byte order is simply not used, and there is one version: the magic.
(Files of version 1, with chains in place of postings, are made again.)
"""

import os
import struct
import sys
from enum import IntEnum
from pathlib import Path

import msgspec

from store.disk.checksum import crc32
from store.format.frame import UNREADABLE

SUFFIX = ".index"
MAGIC = b"MHindex2"

_END = struct.Struct("<II8s8s")
_LOOK_BYTES = 1 << 12
"""How many bytes at the end are read first; what the file says of itself is in them unless there are many types."""


class Section(IntEnum):
    """The columns, in order: u32 unless something else is said; planes are four sections of bytes."""

    FRAME_FIRSTS = 0
    FRAME_OFFSETS = 1
    AGENTS = 2
    """Planes, by frame."""
    TYPES = 6
    """Planes."""
    STREAMS = 10
    """Planes."""
    CORRELATIONS = 14
    """Planes."""
    STREAM_IDS = 18
    """The ids that occur, ascending: the keys of the streams' postings."""
    STREAM_STARTS = 19
    STREAM_POSITIONS = 20
    STREAM_REVISIONS = 21
    """u64: the last revision here of each of them."""
    STREAM_NAMES = 22
    """Their names, a MessagePack list."""
    HASHES = 23
    """The hashes of their names, ascending."""
    HASH_IDS = 24
    TYPE_IDS = 25
    TYPE_STARTS = 26
    TYPE_POSITIONS = 27
    AGENT_IDS = 28
    AGENT_STARTS = 29
    AGENT_POSITIONS = 30
    """The positions of events, as everywhere, not of frames."""
    CORRELATION_BUCKETS = 31
    CORRELATION_STARTS = 32
    CORRELATION_POSITIONS = 33
    COMMAND_KEYS = 34
    """u64."""
    COMMAND_POSITIONS = 35
    TAG_HASHES = 36
    TAG_STARTS = 37
    TAG_POSITIONS = 38


SECTIONS = 39


class IndexHeader(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What an index file says of itself.

    Attributes:
        byteorder: `little` or `big`.
        salt: the segment's, which tells it from another segment of the same name.
        first_sequence: the segment's first sequence.
        last_sequence: the last sequence that the index covers.
        segment_bytes: how much of the segment it covers.
        commands: how many commands.
        earliest_ns: the lowest time of an event.
        latest_ns: the highest.
        types: the names of types with their ids.
        agents: the names of agents with their ids.
        sections: for each section its length in bytes and its CRC-32.
        ordered: whether no event is earlier than one before it.
    """

    byteorder: str = sys.byteorder
    salt: bytes
    first_sequence: int
    last_sequence: int
    segment_bytes: int
    commands: int
    earliest_ns: int
    latest_ns: int
    types: dict[str, int]
    agents: dict[str, int]
    sections: list[tuple[int, int]]
    ordered: bool


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(IndexHeader).decode


def index_path(segment: Path) -> Path:
    """Return where the index of a segment is."""
    return segment.with_suffix(SUFFIX)


def encode_header(header: IndexHeader) -> bytes:
    """Return what follows the sections."""
    content = _encode(header)
    return content + _END.pack(len(content), crc32(content), b"", MAGIC)


def read_header(path: Path) -> IndexHeader | None:
    """Read what an index file says of itself; None if there is none, or none that this process can use."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return _read_header(fd)
    except OSError:
        return None
    finally:
        os.close(fd)


def _read_header(fd: int) -> IndexHeader | None:
    size = os.fstat(fd).st_size
    start = max(0, size - _LOOK_BYTES)
    tail = os.pread(fd, size - start, start)
    if len(tail) < _END.size:
        return None
    length, crc, _, magic = _END.unpack(tail[-_END.size :])
    begin = size - _END.size - length
    if magic != MAGIC or begin < 0:
        return None
    content = tail[begin - start : -_END.size] if begin >= start else os.pread(fd, length, begin)
    if crc32(content) != crc:
        return None
    try:
        header = _decode(content)
    except UNREADABLE:
        return None
    whole = len(header.sections) == SECTIONS and sum(length for length, _ in header.sections) == begin
    return header if whole and header.byteorder == sys.byteorder else None


def read_section(path: Path, header: IndexHeader, section: int) -> bytes | None:
    """Read a section; None if it is not there any more, or its CRC does not hold."""
    offset = sum(length for length, _ in header.sections[:section])
    length, crc = header.sections[section]
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        data = os.pread(fd, length, offset)
    except OSError:
        return None
    finally:
        os.close(fd)
    return data if len(data) == length and crc32(data) == crc else None
