"""Following the seals of a log, for `verify` and for opening. Pure, but for the reading of one frame."""

from collections.abc import Iterator

from store.disk.digest import compare_digest
from store.errors import Invalid
from store.format import frame as frames
from store.format.retention_record import RetentionRecord
from store.format.segment import SEAL_BYTES, SegmentHeader
from store.reading.segment_reader import Segment
from store.tamper.seal import NO_SEAL, Seal


class SealCheck:
    """Compares what the frames of a log carry with what its key makes of them.

    Attributes:
        last: the seal that the log ends with, None if no frame is sealed.

    Args:
        key: the secret.
        record: what was retired.
    """

    def __init__(self, key: bytes, record: RetentionRecord) -> None:
        self.last: bytes | None = None
        self._key = key
        self._record = record
        self._first = True

    def begin(self) -> Iterator[str]:
        """Check the retention record; yield what is wrong."""
        if self._record.last and not compare_digest(
            self._record.seal, Seal(self._key).of_record(self._record.last, self._record.revisions)
        ):
            yield f"the record that events up to {self._record.last} are gone is not sealed with this key"

    def segment(self, header: SegmentHeader) -> Iterator[str]:
        """Go on to a segment; yield what is wrong."""
        first, self._first = self._first, False
        if not header.seal:
            if self.last is not None:
                yield "it is not sealed, though what comes before it is"
            return
        before = self.last
        if before is None:
            before = header.seal if first and self._record.last else NO_SEAL
        if not compare_digest(header.seal, before):
            yield "its seal does not follow that of the segment before: something was removed, edited or put elsewhere"
        self.last = header.seal

    def frame(self, frame: frames.Frame, body: memoryview) -> Iterator[str]:
        """Go on to a frame; yield what is wrong."""
        if self.last is None:
            return
        if frame.seal_bytes != SEAL_BYTES:
            yield "it is not sealed, though its segment is"
            return
        carried = bytes(body[-SEAL_BYTES:])
        if not compare_digest(carried, _next(Seal(self._key, self.last), frame, body)):
            yield "its seal does not fit: it was edited, or the one before it is another, or the key is"
        self.last = carried


def seal_to_go_on(key: bytes, segment: Segment | None) -> Seal:
    """Return the seal that a log goes on with, at its last segment.

    Raises:
        Invalid: the last frame was sealed with another key.
        IndexUnusable: the segment must be indexed again first.
    """
    if segment is None or not segment.header.seal:
        return Seal(key)
    offsets = segment.index.frame_offsets
    if not len(offsets):
        return Seal(key, segment.header.seal)
    file = segment.file
    before = bytes(file.bytes_at(offsets[-1] - SEAL_BYTES, SEAL_BYTES)) if len(offsets) > 1 else segment.header.seal
    data = file.bytes_at(offsets[-1], file.size - offsets[-1])
    frame = frames.read_header(data, 0)
    seal = Seal(key, before)
    if frame is None or not compare_digest(data[-SEAL_BYTES:], _next(seal, frame, data[frames.HEADER_BYTES :])):
        raise Invalid(f"{segment.path} was sealed with another key: open the log with that one")
    return seal


def _next(seal: Seal, frame: frames.Frame, body: memoryview) -> bytes:
    return seal.next(
        body[: len(body) - SEAL_BYTES],
        flags=frame.flags,
        count=frame.count,
        first_sequence=frame.first_sequence,
        time_ns=frame.time_ns,
    )
