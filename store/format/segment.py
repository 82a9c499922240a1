"""Segment files: a header, then frames. Pure, but for the reading of names.

    header  96 bytes, little endian:
        magic 8 | format version 2 | flags 2 | header bytes 4 | salt 16 | epoch 8 | first sequence 8 | durable 8 |
        created 8 | seal 28 | CRC 4

A segment is named after its first sequence. If two segments hold the same sequence the later one counts: that is how an
unclean open replaces a tail. The last segment of a log that is open may go on with zeros, which are not written
yet. With flag 1 every frame is sealed, and `seal` is that of the frame before the segment.
"""

import struct

import msgspec

from store.disk.checksum import crc32

MAGIC = b"moothall"
FORMAT_VERSION = 1
HEADER_BYTES = 96
SALT_BYTES = 16
EPOCH_BYTES = 8
SEAL_BYTES = 28
SUFFIX = ".segment"

_HEADER = struct.Struct("<8sHHI16s8sQQq28s")
_DIGITS = 20
_SEALED = 1


class SegmentHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a segment says about itself.

    Attributes:
        first_sequence: the sequence its first event has or will have.
        durable: up to which sequence the log was durable when the segment was created.
        created_ns: when, nanoseconds since 1970 UTC.
        salt: 16 random bytes that every frame's CRC includes.
        epoch: 8 random bytes, the log epoch in which the segment was created.
        seal: the seal of the frame before this segment, if its frames are sealed; else empty.
    """

    first_sequence: int
    durable: int
    created_ns: int
    salt: bytes
    epoch: bytes
    seal: bytes = b""


def encode_header(header: SegmentHeader) -> bytes:
    """Return the 96 bytes that a segment begins with."""
    fields = _HEADER.pack(
        MAGIC,
        FORMAT_VERSION,
        _SEALED if header.seal else 0,
        HEADER_BYTES,
        header.salt,
        header.epoch,
        header.first_sequence,
        header.durable,
        header.created_ns,
        header.seal,
    )
    return fields + crc32(fields).to_bytes(4, "little")


def decode_header(data: bytes | memoryview) -> SegmentHeader | None:
    """Read a segment's header; None if it is not there, damaged, or of a format this version does not know."""
    if len(data) < HEADER_BYTES:
        return None
    fields = bytes(data[: HEADER_BYTES - 4])
    if crc32(fields) != int.from_bytes(data[HEADER_BYTES - 4 : HEADER_BYTES], "little"):
        return None
    magic, version, flags, length, salt, epoch, first, durable, created, seal = _HEADER.unpack(fields)
    if magic != MAGIC or version != FORMAT_VERSION or length != HEADER_BYTES:
        return None
    return SegmentHeader(
        first_sequence=first,
        durable=durable,
        created_ns=created,
        salt=salt,
        epoch=epoch,
        seal=seal if flags & _SEALED else b"",
    )


def segment_name(first_sequence: int) -> str:
    """Return the file name of the segment that begins with this sequence."""
    return f"{first_sequence:0{_DIGITS}d}{SUFFIX}"


def is_segment_name(name: str) -> bool:
    """Say whether a file of the data directory is a segment."""
    stem, dot, suffix = name.partition(".")
    return dot + suffix == SUFFIX and len(stem) == _DIGITS and stem.isdecimal()


def first_of_name(name: str) -> int:
    """Return the first sequence that a segment's file name tells."""
    return int(name.partition(".")[0])
