"""Tombstones: what the records of erased events become, in place. Pure.

A tombstone is the record of an event without what may be about a person: payload, metadata, tags, correlation and
causation id are gone; sequence, stream, revision, type, agent and time stay. It takes exactly as many bytes as the
record did, filled with zeros behind the fields, so that nothing else in the log moves. Its payload is nil, which no
event is stored with: that is how a reader tells it. A frame that holds tombstones says so with flag 4, and the hash of
the payload of its command, if it carries out one, is zeros: such a command is known by its name alone.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from store.format import frame as frames
from store.model.event import Event

ERASED_HASH = bytes(16)
"""Stands where the hash of a command's payload was: a hash can tell what was guessed."""

_FIELDS_10 = 0x9A
_EMPTY_ARRAY = b"\x90"
_NIL = b"\xc0"
_BYTE = 1 << 8
_WORD = 1 << 16
_encode = msgspec.msgpack.Encoder().encode


class Patch(NamedTuple):
    """Bytes to be written over what is there, and where in the segment's file they begin."""

    offset: int
    content: bytes


class ErasedFrame(NamedTuple):
    """What a frame with events to be erased becomes.

    Attributes:
        patches: what is to be written over the frame, its header first.
        events: the places in the frame, from 0, of the events that are erased by that.
        tags: the tags that these had.
    """

    patches: list[Patch]
    events: list[int]
    tags: set[str]


def tombstone(event: Event, size: int) -> bytes:
    """Return the tombstone of an event whose record takes `size` bytes.

    Raises:
        ValueError: the record is of another format: it takes less than the fields that stay.
    """
    kept = (event.sequence, event.stream, event.revision, event.type, event.agent, event.time_ns)
    record = _encode((*kept, None, None, None, None))
    room = size - len(record)
    if room < 0:
        raise ValueError(f"a record of {size} bytes for fields that take {len(record)}")
    fillers = [] if not room else [_EMPTY_ARRAY] if room == 1 else [_EMPTY_ARRAY, _zeros(room - 1)]
    return b"".join((bytes((_FIELDS_10 + len(fillers),)), record[1:], *fillers))


def _zeros(size: int) -> bytes:
    """Return one MessagePack value of so many bytes, 1 or more."""
    if size == 1:
        return _NIL
    if size - 2 < _BYTE:
        return b"\xc4" + (size - 2).to_bytes(1, "big") + bytes(size - 2)
    if size - 3 < _WORD:
        return b"\xc5" + (size - 3).to_bytes(2, "big") + bytes(size - 3)
    return b"\xc6" + (size - 5).to_bytes(4, "big") + bytes(size - 5)


def erased_frame(
    data: memoryview, frame: frames.Frame, salt: bytes, meant: Callable[[Event], bool]
) -> ErasedFrame | None:
    """Return what a frame becomes when some of its events are erased; None if there is nothing to be erased.

    Args:
        data: the frame's bytes, whole and checked.
        frame: its header; `offset` is where it begins in its segment.
        salt: the segment's.
        meant: says which events are to be erased.

    Raises:
        UNREADABLE, ValueError: the frame holds a record of another format.
    """
    body = data[frames.HEADER_BYTES :]
    offsets = frames.offsets_of(body, frame.count + 1)
    found = [
        (place, event)
        for place, event in enumerate(frames.events_of(body, frame.count))
        if not event.erased and meant(event)
    ]
    if not found:
        return None
    written = [(offsets[place], tombstone(event, offsets[place + 1] - offsets[place])) for place, event in found]
    if (command := frames.command_of(body, frame)) is not None:
        _, end = frames.records_span(body, frame.count)
        written.append((end, frames.encode_command(msgspec.structs.replace(command, payload_hash=ERASED_HASH))))
    changed = bytearray(body)
    for start, content in written:
        changed[start : start + len(content)] = content
    header = frames.encode_header(
        bytes(changed),
        salt=salt,
        flags=frame.flags | frames.HAS_ERASED,
        count=frame.count,
        first_sequence=frame.first_sequence,
        durable=frame.durable,
        time_ns=frame.time_ns,
        seal_bytes=frame.seal_bytes,
    )
    base = frame.offset + frames.HEADER_BYTES
    patches = [Patch(frame.offset, header), *(Patch(base + start, content) for start, content in written)]
    tags = {tag for _, event in found for tag in event.tags}
    return ErasedFrame(patches, [place for place, _ in found], tags)


def is_frame_of(found: bytes, header: bytes) -> bool:
    """Say whether bytes of a file are the header of the frame that a patch begins with, erased or not."""
    before, after = frames.read_header(found, 0), frames.read_header(header, 0)
    if before is None or after is None or found[: frames.TAG_END] != header[: frames.TAG_END]:
        return False
    return msgspec.structs.replace(before, flags=0) == msgspec.structs.replace(after, flags=0)


def same_but_for_erased(theirs: Event, ours: Event) -> bool:
    """Say whether two events are the same, or would be if what the second one has lost were erased in the first."""
    return theirs == ours or (ours.erased and as_erased(theirs) == ours)


def as_erased(event: Event) -> Event:
    """Return an event as it is once it was erased."""
    gone = {"correlation_id": None, "causation_id": None, "metadata": None, "data": None, "tags": ()}
    return msgspec.structs.replace(event, **gone)
