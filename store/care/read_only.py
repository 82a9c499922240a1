"""Reading a log's files without opening it: no lock is taken and nothing is brought into order, so a server may run."""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from store.errors import Invalid, LogDamaged
from store.format import frame as frames
from store.format.erasure_record import segment_bytes
from store.format.retention_parts import whole_record
from store.format.retention_record import RetentionRecord
from store.model.event import Event
from store.recovery.survey import describe, survey
from store.recovery.what_counts import Kept


def look(path: str | PathLike[str], after: int = 0) -> tuple[RetentionRecord, Iterator[Event]]:
    """Return what was retired of the log in a directory, and its events after a sequence as they are written now.

    The last ones may not have been acknowledged yet, if a server is appending.

    Raises:
        FileNotFoundError: there is no such directory.
        LogDamaged: something that had been durable is unreadable; also while the events are taken.
        Invalid: while the events are taken: a segment left the log meanwhile.
    """
    directory = Path(path)
    found = survey(directory)
    if found.recovery.damage:
        raise LogDamaged(describe(directory, found.recovery.damage))
    segments = (keep for keep in found.recovery.kept if keep.last > after)
    return whole_record(directory, found.record), (
        event for keep in segments for event in _events(directory, keep, after)
    )


def _events(directory: Path, keep: Kept, after: int) -> Iterator[Event]:
    path = directory / keep.scan.name
    try:
        data = memoryview(segment_bytes(path))
    except FileNotFoundError:
        raise Invalid(f"{path} left the log while it was read: begin again") from None
    assert keep.scan.header is not None
    for offset in keep.scan.offsets[: keep.frame_count]:
        frame = frames.read_frame(data, offset, keep.scan.header.salt)
        try:
            events = frames.events_of(frames.body_of(data, frame), frame.count) if frame else []
        except frames.UNREADABLE:
            events = []
        if not events:
            raise LogDamaged(f"{path}: the frame at byte {offset} changed while it was read: run verify")
        yield from events if events[0].sequence > after else events[after + 1 - events[0].sequence :]
