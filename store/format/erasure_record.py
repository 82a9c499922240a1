"""The erasure record: how far the erasing of a stream has come, so that a crash cannot leave half a frame behind.

What is to be written over the segments is written here first, durably, a step at a time. So after a crash it is written
once more, and then the erasing goes on. Whoever only reads takes what this record says for what the segment holds:
`segment_bytes` does that. Once all is erased the record stays, and says that nothing is under way.

Its `state` is another one whenever it was written, which tells two moments apart: a reader whether anything was being
written meanwhile, and a backup whether anything was erased since it was made.
"""

from pathlib import Path

import msgspec

from store.disk.small_file import Unreadable, read_digested, write_digested
from store.errors import LogDamaged
from store.format.frame import HEADER_BYTES, UNREADABLE
from store.format.tombstone import Patch, is_frame_of

ERASURE_NAME = "erased"


class UnderWay(msgspec.Struct, frozen=True, array_like=True):
    """An erasing that has not come to its end.

    Attributes:
        name: 16 hexadecimal digits that tell it from any other.
        stream: the stream.
        agent: who has it erased.
        last: up to which sequence.
        after: up to which sequence all is erased once the patches are written.
        events: how many events are erased by then.
        segment: the name of the segment that the patches are for.
        patches: what is to be written over that, frame by frame, the header of each first; none twice.
    """

    name: str
    stream: str
    agent: str
    last: int
    after: int = 0
    events: int = 0
    segment: str = ""
    patches: tuple[tuple[Patch, ...], ...] = ()

    def __post_init__(self) -> None:
        """Refuse the name of a file elsewhere: whoever made the record, nothing outside of the log is written over."""
        if "/" in self.segment:
            raise ValueError(f"no name of a segment: {self.segment!r}")


class ErasureRecord(msgspec.Struct, frozen=True, array_like=True):
    """What the record says.

    Attributes:
        state: random bytes, others each time; empty if nothing was ever erased.
        under_way: what has not come to its end.
    """

    state: bytes = b""
    under_way: UnderWay | None = None


NOTHING_ERASED = ErasureRecord()

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ErasureRecord).decode


def read_erasure_record(directory: Path) -> ErasureRecord:
    """Return the record of a log; `NOTHING_ERASED` if it has none.

    Raises:
        LogDamaged: there is one, and it is unreadable.
    """
    path = directory / ERASURE_NAME
    try:
        return _decode(read_digested(path))
    except FileNotFoundError:
        return NOTHING_ERASED
    except (Unreadable, *UNREADABLE) as error:
        raise LogDamaged(
            f"{path} is unreadable: it says whether a stream was being erased; restore that file from a backup, or "
            "move it away, verify the log, and erase again what was to be erased"
        ) from error


def write_erasure_record(directory: Path, record: ErasureRecord) -> None:
    """Replace the record durably.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk did not confirm.
    """
    write_digested(directory / ERASURE_NAME, _encode(record))


def patched(name: str, content: bytes, record: ErasureRecord) -> bytes:
    """Return a segment's bytes as they are once what is under way is written."""
    under_way = record.under_way
    if under_way is None or under_way.segment != name:
        return content
    changed = bytearray(content)
    for frame in under_way.patches:
        begin = frame[0].offset
        if is_frame_of(bytes(changed[begin : begin + HEADER_BYTES]), frame[0].content):
            for offset, part in frame:
                changed[offset : offset + len(part)] = part
    return bytes(changed)


def segment_bytes(path: Path) -> bytes:
    """Return a segment's bytes, also while events in it are being erased, or where a crash has stopped that.

    Raises:
        FileNotFoundError: there is no such segment.
        LogDamaged: the erasure record is unreadable.
    """
    while True:
        before = read_erasure_record(path.parent)
        content = path.read_bytes()
        if read_erasure_record(path.parent).state == before.state:
            return patched(path.name, content, before)
