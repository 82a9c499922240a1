"""Recovery: from the bytes of segments to what counts. A pure function; `open_directory` carries its decisions out.

The durable marks decide. D is the highest sequence that any valid frame, any segment header or the note of a clean stop
says had been durable. E is where the gapless chain of valid frames ends.

- D <= E: what follows E was never durable, so no one who was promised that was told of it: a torn tail. Cut there.
- D > E: something that had been durable is unreadable: damage. Refuse, lose nothing, say where.

That covers a flipped bit in the middle (a later frame's mark is above it), a segment that is missing or cut short (the
next one's header is above it), and frames that reached the disk out of order in a crash (no mark is above them). One
exception asks for no mark: a segment's header is durable before its first frame is written, so a segment with frames
and without a header is damaged.

Every valid frame behind a bad spot is found by searching for the magic and the salt's tag, which event data cannot
know.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from store.format import frame as frames
from store.format import segment as segments
from store.format.segment import SegmentHeader


class Scan(NamedTuple):
    """A segment as found.

    Attributes:
        name: its file name.
        size: its length in bytes.
        header: its header, None if unreadable, or if it is that of another segment.
        firsts: the first sequence of each frame of the valid chain from its beginning.
        offsets: where each of these frames begins.
        end: where the chain ends, in bytes.
        last: the chain's last sequence; the header's first sequence minus 1 if there is no frame.
        mark: the highest durable mark in the header and in any valid frame, also behind a bad spot.
    """

    name: str
    size: int
    header: SegmentHeader | None
    firsts: "array[int]"
    offsets: "array[int]"
    end: int
    last: int
    mark: int


class Kept(NamedTuple):
    """A segment that counts: its frames from the beginning up to byte `end`, sequences up to `last`."""

    scan: Scan
    frame_count: int
    end: int
    last: int


class Damage(NamedTuple):
    """Where durable bytes are unreadable: the file, the offset in it, and the first sequence that is missing."""

    name: str
    offset: int
    sequence: int


class Recovery(NamedTuple):
    """What counts.

    Attributes:
        kept: the segments that count, in order.
        dropped: names of segments of which nothing counts.
        last: the last sequence, 0 for an empty log.
        durable: up to which sequence the log is known to be durable.
        damage: why the log must not be opened; None if it may.
    """

    kept: list[Kept]
    dropped: list[str]
    last: int
    durable: int
    damage: Damage | None


def scan_segment(name: str, data: frames.Buffer) -> Scan:
    """Read a segment's bytes: the valid chain from its beginning, and the marks of all that is valid behind it."""
    header = segments.decode_header(data)
    firsts, offsets = array("Q"), array("Q")
    if header is None or header.first_sequence != segments.first_of_name(name):
        return Scan(name, len(data), None, firsts, offsets, 0, 0, 0)
    end, last, mark = segments.HEADER_BYTES, header.first_sequence - 1, header.durable
    for frame in frames.frames_in(data, end, header.salt):
        if frame.first_sequence != last + 1:
            break
        firsts.append(last + 1)
        offsets.append(end)
        end, last, mark = frame.end, last + frame.count, max(mark, frame.durable)
    mark = max(mark, *(frame.durable for frame in frames_behind(data, end, header.salt)), 0)
    return Scan(name, len(data), header, firsts, offsets, end, last, mark)


def recover(scans: Sequence[Scan], marked: int = 0, retired: int = 0, promised: int = 0) -> Recovery:
    """Decide what counts.

    Args:
        scans: every segment of the log, in the order of their names.
        marked: up to which sequence the files beside the segments call the log durable; they may be outdated.
        retired: the last sequence before these segments: the log, or this part of it, begins behind it.
        promised: the last sequence by the durable mark, 0 without one; what of it is unreadable is no damage.
    """
    durable = max(marked, *(scan.mark for scan in scans), 0)
    kept, damage = _chain(scans, retired)
    last = kept[-1].last if kept else retired
    if damage is None and durable > last:
        damage = Damage(*_break_after(scans, kept), last + 1)
    names = {keep.scan.name for keep in kept}
    return Recovery(
        kept, [scan.name for scan in scans if scan.name not in names], last, min(max(durable, promised), last), damage
    )


def _chain(scans: Sequence[Scan], last: int) -> tuple[list[Kept], Damage | None]:
    """Follow the sequences behind `last` through the segments until something is missing."""
    kept: list[Kept] = []
    readable = [scan for scan in scans if scan.header is not None]
    for scan, following in zip_longest(readable, readable[1:]):
        keep = _cut(scan, following)
        if _first_of(scan) != last + 1:
            break
        kept.append(keep)
        last = keep.last
        if following is not None and last + 1 != _first_of(following):
            break
    headless = [scan.name for scan in scans if scan.header is None and scan.size > segments.HEADER_BYTES]
    return kept, Damage(headless[0], 0, last + 1) if headless else None


def _cut(scan: Scan, following: Scan | None) -> Kept:
    """Leave out the frames that the following segment holds again."""
    if following is None or scan.last < _first_of(following):
        return Kept(scan, len(scan.firsts), scan.end, scan.last)
    first = _first_of(following)
    count = min(bisect_left(scan.firsts, first), len(scan.firsts) - 1)
    return Kept(scan, count, scan.offsets[count], scan.firsts[count] - 1)


def _first_of(scan: Scan) -> int:
    assert scan.header is not None
    return scan.header.first_sequence


def _break_after(scans: Sequence[Scan], kept: Sequence[Kept]) -> tuple[str, int]:
    """Name the file and the offset where the chain ends."""
    if kept:
        return kept[-1].scan.name, kept[-1].end
    return (scans[0].name if scans else segments.segment_name(1)), 0


def frames_behind(data: frames.Buffer, offset: int, salt: bytes) -> Iterator[frames.Frame]:
    """Find every valid frame from an offset on, wherever it begins."""
    key = frames.MAGIC + salt[: frames.TAG_BYTES]
    for position in _occurrences(data, key, offset):
        if position >= offset and (frame := frames.read_frame(data, position, salt)):
            yield frame
            offset = frame.end


def _occurrences(data: frames.Buffer, key: bytes, offset: int) -> Iterable[int]:
    """Yield every position of a key; in windows, because a memoryview cannot be searched without a copy."""
    window = 1 << 20
    for start in range(offset, len(data), window):
        part = bytes(data[start : start + window + len(key) - 1])
        position = part.find(key)
        while position >= 0:
            yield start + position
            position = part.find(key, position + 1)
