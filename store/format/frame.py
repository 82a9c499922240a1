"""Frames: one atomic append each, as bytes. Pure.

    header  48 bytes, little endian:
        magic 4 | salt tag 4 | CRC 4 | flags 2 | seal bytes 2 | count 4 | length 4 |
        first sequence 8 | durable 8 | time 8
    body    `length` bytes:
        offsets      u32 x (count + 1): where each record begins, from the body's start; the last is where they end
        0xdd count   the head of a MessagePack array, so that all records together decode in one call
        records      `count` MessagePack arrays, the fields of `Event` in order
        (a record whose event has tags has one field more than others, the tags; flag 2 says that there are such;
        of an erased event there is a tombstone, see `tombstone`; flag 4 says that there are such)
        command      if flag 1: [agent, command id, hash of the payload] in MessagePack
        seal         `seal bytes` bytes: a keyed hash chained over the frames, if the segment is sealed

The CRC (zlib's CRC-32) starts from the CRC of the segment's salt and covers the header behind the CRC field and the
body. The tag is the first bytes of the salt. Both make it pointless to shape event data like a frame: the salt is
random and never leaves the file. `durable` is the sequence up to which the log was durable when the frame was written:
it is what tells a torn tail from damage.
"""

from __future__ import annotations

import operator
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TypeAlias

import msgspec

from store.disk.checksum import crc32
from store.model.event import Event, IndexedFields

Buffer = bytes | memoryview
Sized: TypeAlias = tuple[list[Event], Sequence[int]]
"""Events, and the size of each one's record."""

MAGIC = b"MHfr"
HEADER_BYTES = 48
HAS_COMMAND = 1
HAS_TAGS = 2
HAS_ERASED = 4
TAG_BYTES = 4
TAG_END = len(MAGIC) + TAG_BYTES
"""Where a header's magic and tag end, which never change."""

_HEADER = struct.Struct("<4s4sIHHIIQQq")
_COVERED = struct.Struct("<HHIIQQq")
_COVERED_FROM = 12
_ARRAY_HEAD = struct.Struct(">BI")
_HEAD_OF_ONE = _ARRAY_HEAD.pack(0xDD, 1)
_BEFORE_ONE = struct.Struct("<II5s")
_SPAN = struct.Struct("<II")
_OFFSET_BYTES = 4
_ARRAY_32 = 0xDD

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)
"""What decoding damaged bytes raises: msgspec does not translate the error about text that is not UTF-8."""

decode_event = msgspec.msgpack.Decoder(Event).decode
decode_events = msgspec.msgpack.Decoder(list[Event]).decode
decode_indexed_fields = msgspec.msgpack.Decoder(list[IndexedFields]).decode


class Command(msgspec.Struct, frozen=True, array_like=True):
    """The command that a frame carries out: unique per agent, with a 16-byte hash of what was asked."""

    agent: str
    command_id: str
    payload_hash: bytes


class Frame(msgspec.Struct, frozen=True):
    """A frame's header, read. `offset` is where the frame begins in its segment, `end` where it ends."""

    offset: int
    end: int
    flags: int
    seal_bytes: int
    count: int
    first_sequence: int
    durable: int
    time_ns: int


_decode_command = msgspec.msgpack.Decoder(Command).decode
encode_command = msgspec.msgpack.Encoder().encode


def encode_body(records: Sequence[bytes], command: Command | None = None, sizes: Sequence[int] | None = None) -> bytes:
    """Join encoded records, whose sizes may be known, and the command if there is one, to a frame's body."""
    count = len(records)
    if count == 1 and not command:
        return _BEFORE_ONE.pack(_BEFORE_ONE.size, _BEFORE_ONE.size + len(records[0]), _HEAD_OF_ONE) + records[0]
    start = _OFFSET_BYTES * (count + 1) + _ARRAY_HEAD.size
    offsets = array("I", accumulate(sizes or map(len, records), initial=start))
    if sys.byteorder == "big":
        offsets.byteswap()
    tail = (encode_command(command),) if command else ()
    return b"".join((offsets.tobytes(), _ARRAY_HEAD.pack(_ARRAY_32, count), *records, *tail))


def salt_seed(salt: bytes) -> int:
    """Return the value that every frame's CRC in a segment with this salt starts from."""
    return crc32(salt)


def encode_header(
    body: bytes | memoryview,
    *,
    salt: bytes,
    flags: int,
    count: int,
    first_sequence: int,
    durable: int,
    time_ns: int,
    seal_bytes: int = 0,
) -> bytes:
    """Return the header that makes `body` a frame of the segment with this salt."""
    covered = _COVERED.pack(flags, seal_bytes, count, len(body), first_sequence, durable, time_ns)
    crc = crc32(body, crc32(covered, salt_seed(salt)))
    return b"".join((MAGIC, salt[:TAG_BYTES], crc.to_bytes(4, "little"), covered))


def plain_header(  # noqa: PLR0917 - a header's fields
    body: bytes, tag: bytes, seed: int, count: int, first_sequence: int, durable: int, time_ns: int
) -> bytes:
    """Do as `encode_header` does, without flags and seal, with what `tag_and_seed` gives once a segment."""
    covered = _COVERED.pack(0, 0, count, len(body), first_sequence, durable, time_ns)
    crc = crc32(body, crc32(covered, seed))
    return b"%b%b%b%b" % (MAGIC, tag, crc.to_bytes(4, "little"), covered)


def frames_in(data: Buffer, offset: int, salt: bytes | None) -> Iterator[Frame]:
    """Yield the frames that lie one behind the other, up to where there is no whole one.

    Args:
        data: a segment's bytes.
        offset: where the first one begins.
        salt: the segment's, to check every CRC; None believes what looks like a frame.
    """
    view = memoryview(data)
    tag, seed = tag_and_seed(salt or b"")
    while True:
        frame = read_header(view, offset) if salt is None else checked_frame(view, offset, tag, seed)
        if frame is None or frame.end > len(view):
            return
        yield frame
        offset = frame.end


def read_frame(data: Buffer, offset: int, salt: bytes) -> Frame | None:
    """Read the frame at `offset` of a segment's bytes; None if there is no whole, undamaged one."""
    return checked_frame(memoryview(data), offset, *tag_and_seed(salt))


def tag_and_seed(salt: bytes) -> tuple[bytes, int]:
    """Return what every frame of a segment with this salt carries, and what its CRC starts from."""
    return salt[:TAG_BYTES], salt_seed(salt)


def checked_frame(data: memoryview, offset: int, tag: bytes, seed: int) -> Frame | None:
    """Do as `read_frame` does, with what `tag_and_seed` gives once a segment."""
    if offset + HEADER_BYTES > len(data):
        return None
    magic, found_tag, crc, flags, seal, count, length, first, durable, time_ns = _HEADER.unpack_from(data, offset)
    end = offset + HEADER_BYTES + length
    if magic != MAGIC or found_tag != tag or not _may_hold(count, length) or end > len(data):
        return None
    if crc32(data[offset + _COVERED_FROM : end], seed) != crc:
        return None
    return Frame(offset, end, flags, seal, count, first, durable, time_ns)


def body_of(data: memoryview, frame: Frame) -> memoryview:
    """Return the body of a frame of a segment's bytes."""
    return data[frame.offset + HEADER_BYTES : frame.end]


def read_header(data: Buffer, offset: int) -> Frame | None:
    """Read a frame's header without checking its CRC; None if there is none."""
    if offset + HEADER_BYTES > len(data):
        return None
    magic, _, _, flags, seal, count, length, first, durable, time_ns = _HEADER.unpack_from(data, offset)
    if magic != MAGIC or not _may_hold(count, length):
        return None
    return Frame(offset, offset + HEADER_BYTES + length, flags, seal, count, first, durable, time_ns)


def _may_hold(count: int, length: int) -> bool:
    return count > 0 and length >= _OFFSET_BYTES * (count + 1)


def records_span(body: Buffer, count: int) -> tuple[int, int]:
    """Return where in the body the MessagePack array of all records begins and ends."""
    start = _OFFSET_BYTES * (count + 1)
    return start, int.from_bytes(body[start - _OFFSET_BYTES : start], "little")


def span_offset(index: int) -> int:
    """Return where in the body the offset table tells where record `index` begins, and behind that where it ends."""
    return _OFFSET_BYTES * index


def record_span_at(data: Buffer, at: int) -> tuple[int, int]:
    """Return where in its body a record begins and ends, by what the offset table says at a byte of the data.

    Raises:
        struct.error: the data ends before.
    """
    start, end = _SPAN.unpack_from(data, at)
    return start, end


def offsets_of(table: Buffer, count: int) -> array[int]:
    """Return the first `count` numbers of an offset table.

    Raises:
        ValueError: the table ends before.
    """
    offsets = array("I", bytes(table[: _OFFSET_BYTES * count]))
    if sys.byteorder == "big":
        offsets.byteswap()
    if len(offsets) < count:
        raise ValueError(f"an offset table of {len(offsets)} numbers instead of {count}")
    return offsets


def decode_records(records: Sequence[Buffer], count: int) -> list[Event]:
    """Decode `count` events whose records follow each other in the parts given.

    Raises:
        UNREADABLE: the bytes are damaged.
    """
    return decode_events(b"".join((_ARRAY_HEAD.pack(_ARRAY_32, count), *records)))


def events_of(body: Buffer, count: int) -> list[Event]:
    """Decode every event of a body.

    Raises:
        UNREADABLE: the bytes are damaged.
    """
    start, end = records_span(body, count)
    return decode_events(body[start:end])


def sized_events_of(body: Buffer, count: int, within: slice | None = None) -> Sized:
    """Decode the events of a body, with the size of each one's record.

    Args:
        body: the body.
        count: how many events it has.
        within: which of them are wanted; None means all.

    Raises:
        UNREADABLE: the bytes are damaged.
    """
    if count == 1:
        start, end = _SPAN.unpack_from(body)
        return [decode_event(body[start:end])], [end - start]
    offsets = offsets_of(body, count + 1)
    if within is None:
        return events_of(body, count), sizes_of(offsets)
    events = decode_records([body[offsets[within.start] : offsets[within.stop]]], within.stop - within.start)
    return events, sizes_of(offsets[within.start : within.stop + 1])


def sizes_of(offsets: Sequence[int]) -> list[int]:
    """Return the sizes of records, of which these are the beginnings and the last one's end."""
    return list(map(operator.sub, offsets[1:], offsets))


def indexed_fields_of(body: Buffer, count: int) -> list[IndexedFields]:
    """Decode what the index needs of every event of a body.

    Raises:
        UNREADABLE: the bytes are damaged.
    """
    start, end = records_span(body, count)
    return decode_indexed_fields(body[start:end])


def command_of(body: Buffer, frame: Frame) -> Command | None:
    """Decode the command of a body, None if the frame has none.

    Raises:
        UNREADABLE: the bytes are damaged.
    """
    if not frame.flags & HAS_COMMAND:
        return None
    _, end = records_span(body, frame.count)
    return _decode_command(body[end : len(body) - frame.seal_bytes])
