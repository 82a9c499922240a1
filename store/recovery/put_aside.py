"""What must leave the segments is put aside first, in a directory of its own inside the data directory.

The bytes are kept as they were, and as JSON lines every event that can still be read in them.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from store.disk.files import make_directory, put_file, sync_path
from store.format import frame as frames
from store.format import segment as segments
from store.format.interchange import encode_line
from store.model.event import Event
from store.recovery.what_counts import Kept, Scan, frames_behind

REMOVED = "removed-{}"
"""The directory beside the segments that things are put into; the number is the first free one."""

READABLE = "events.jsonl"
"""The file there with the events that could still be read, in the format of an export."""


class Part(NamedTuple):
    """The part of a segment that has to go: from a byte on, or all of it."""

    scan: Scan
    start: int


def parts_behind(scans: Sequence[Scan], kept: Sequence[Kept]) -> list[Part]:
    """Return what lies behind the frames that count."""
    ends = {keep.scan.name: keep.end for keep in kept}
    parts = [Part(scan, ends.get(scan.name, 0)) for scan in scans]
    return [part for part in parts if part.start < part.scan.size or not part.start]


def put_aside(directory: Path, parts: Sequence[Part], last: int) -> Path:
    """Copy parts of segments, and what can be read of the events behind a sequence; return where to.

    Raises:
        DiskFull: there is no space.
        SyncFailed: the disk did not confirm.
    """
    aside = next(place for number in count(1) if not (place := directory / REMOVED.format(number)).exists())
    make_directory(aside)
    readable: list[bytes] = []
    for scan, start in parts:
        content = (directory / scan.name).read_bytes()
        put_file(aside / (f"{scan.name}.from-{start}" if start else scan.name), content[start:])
        data = memoryview(content)
        readable += [encode_line(event) for event in _readable(scan, data, start) if event.sequence > last]
    put_file(aside / READABLE, b"".join(readable))
    sync_path(aside)
    return aside


def _readable(scan: Scan, data: memoryview, start: int) -> Iterator[Event]:
    for frame in frames_of(scan, data, start):
        try:
            yield from frames.events_of(frames.body_of(data, frame), frame.count)
        except frames.UNREADABLE:
            continue


def frames_of(scan: Scan, data: memoryview, start: int) -> Iterator[frames.Frame]:
    """Yield the frames of a part; where the segment's header is lost, those that only look like frames."""
    if scan.header is not None:
        yield from frames_behind(data, max(start, segments.HEADER_BYTES), scan.header.salt)
        return
    yield from frames.frames_in(data, segments.HEADER_BYTES, None)
