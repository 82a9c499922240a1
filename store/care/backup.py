"""Backup: a second directory that opens as the log it was taken from, brought up to date a segment at a time.

It needs no lock on the log, so a server may be appending meanwhile: complete segments never grow, and of the one that
is being written the whole frames are taken. A backup is a prefix of its log and grows with it. It is refused, and
left as it is, where the log is damaged, and where the backup holds events that the log does not: a log that lost
something must not take it away from its backup, too.

Complete segments that the backup has already are not read again, unless events were erased since: then they are erased
in the backup too. `verify` looks at what is in them.
"""

import os
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

import msgspec

from store.disk.files import make_directory, put_file, sync_path
from store.disk.lock import DirectoryLock
from store.errors import Invalid, LogDamaged
from store.format import frame as frames
from store.format import segment as segments
from store.format.erasure_record import read_erasure_record, segment_bytes, write_erasure_record
from store.format.restore_mark import refuse_half_restored
from store.format.retention_parts import copy_parts
from store.format.retention_record import read_record, write_record
from store.format.segment_files import remove_derived, remove_segment, segment_names
from store.format.tombstone import same_but_for_erased
from store.recovery.survey import describe, witnesses
from store.recovery.what_counts import Kept, Scan, recover, scan_segment
from store.retention.retire import remove_retired

_ATTEMPTS = 5
"""How often a backup begins again because segments left the log meanwhile: the server looks for these once a minute."""


class BackedUp(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup did; as built-ins it is what `moothall events backup --json` prints.

    Attributes:
        segments: how many segments the backup has.
        written: how many of them were written now.
        bytes: how much was written.
        last_sequence: the last event in the backup, 0 for an empty log.
    """

    segments: int
    written: int
    bytes: int
    last_sequence: int


class _MovedError(Exception):
    """Segments were retired while they were being read: what was found is of no single moment."""


def backup(path: str | PathLike[str], target: str | PathLike[str]) -> BackedUp:
    """Bring the backup of a log up to date; safe while the log is being appended to.

    To restore, open the backup, or a copy of it, as a log. It begins an epoch of its own there.

    Args:
        path: the log's data directory.
        target: the backup's directory; created if need be. Nothing else should be in it.

    Raises:
        FileNotFoundError: there is no such log.
        Invalid: the two are the same, or the backup holds events that the log does not.
        LogDamaged: the log is damaged, or a restore into the backup did not end; the backup was not changed.
        LogLocked: the backup is open as a log, or another backup is being made there.
        DiskFull: there is no space; the backup opens still.
        SyncFailed: the disk did not confirm; back up again.
    """
    source, copy = Path(path), Path(target)
    source.stat()
    if copy.exists() and copy.samefile(source):
        raise Invalid(f"{copy} is the log itself: choose another directory, on another disk if you can")
    make_directory(copy)
    lock = DirectoryLock(copy)
    try:
        refuse_half_restored(copy)
        for _ in range(_ATTEMPTS):
            try:
                return bring_up_to_date(source, copy)
            except (FileNotFoundError, _MovedError):
                continue  # the log is being opened, or retires old segments
        raise Invalid(f"segments of {source} keep going away while they are read: back up again when it is at rest")
    finally:
        lock.release()


def bring_up_to_date(source: Path, copy: Path) -> BackedUp:
    """Do what `backup` does once the backup's directory is locked.

    Raises:
        Invalid: the backup holds events that the log does not.
        LogDamaged: the log is damaged; the backup was not changed.
        DiskFull: there is no space; the backup opens still.
        SyncFailed: the disk did not confirm; back up again.
    """
    erasures, (_, record, marked) = read_erasure_record(source), witnesses(source)
    names, old = _behind(record.last, segment_names(source)), segment_names(copy)
    nothing_erased = erasures.state == read_erasure_record(copy).state
    same = _unchanged(source, copy, names, _behind(record.last, old)) if nothing_erased else 0
    before = segments.first_of_name(names[same]) - 1 if same else record.last
    scans = [_scan(source / name) for name in names[same:]]
    recovery = recover(scans, marked, before)
    if read_record(source) != record:
        raise _MovedError
    if recovery.damage:
        raise LogDamaged(describe(source, recovery.damage))
    _check_prefix(source, copy, old, recovery.last)
    kept = {*names[:same], *(keep.scan.name for keep in recovery.kept)}
    for name in sorted({*_behind(record.last, old)} - kept, reverse=True):
        remove_segment(copy / name)
    growing, shrinking = _in_two(copy, recovery.kept)  # what replaces a tail must be there before the tail goes
    written = [size for keep in (*growing, *shrinking) if (size := _bring(source, copy, keep))]
    sync_path(copy)
    if record != read_record(copy):
        copy_parts(source, copy, record)
        write_record(copy, record)
    remove_retired(copy, record)
    if not nothing_erased and erasures.under_way is None:  # else the next backup looks again, at all of it
        write_erasure_record(copy, erasures)
    return BackedUp(segments=len(kept), written=len(written), bytes=sum(written), last_sequence=recovery.last)


def _behind(sequence: int, names: Sequence[str]) -> list[str]:
    return [name for name in names if segments.first_of_name(name) > sequence]


def _in_two(copy: Path, kept: Sequence[Kept]) -> tuple[list[Kept], list[Kept]]:
    """Separate the segments that the backup has longer than the log."""
    shrinking = [keep for keep in kept if (place := copy / keep.scan.name).exists() and place.stat().st_size > keep.end]
    return [keep for keep in kept if keep not in shrinking], shrinking


def _unchanged(source: Path, copy: Path, names: Sequence[str], old: Sequence[str]) -> int:
    """Return how many segments, from the first on, are complete here and there and the same.

    A complete segment never grows, and its salt is its own: the same header and the same length are the same content.
    """
    same = 0
    for ours, theirs in zip(names[:-1], old[:-1], strict=False):
        if ours != theirs or _looks(source / ours) != _looks(copy / theirs):
            break
        same += 1
    return same


def _looks(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        return file.read(segments.HEADER_BYTES), os.fstat(file.fileno()).st_size


def _scan(path: Path) -> Scan:
    return scan_segment(path.name, segment_bytes(path))


def _check_prefix(source: Path, copy: Path, old: Sequence[str], last: int) -> None:
    """Refuse unless the backup's last append is in the log, erased or not."""
    for name in reversed(old):
        data = memoryview(segment_bytes(copy / name))
        scan = scan_segment(name, data)
        if not scan.firsts:
            continue
        sequence, theirs = scan.firsts[-1], _frame(data, scan.offsets[-1])
        if sequence > last or not any(_is_that(theirs, ours) for ours in _frames_at(source, sequence)):
            raise Invalid(
                f"{copy} holds event {sequence}, which {source} does not hold like that: one of them lost or gained "
                "events since the last backup; choose an empty directory for this one"
            )
        return


def _frames_at(directory: Path, sequence: int) -> Iterator[tuple[frames.Frame, bytes]]:
    """Yield the frames that begin with a sequence: the last segment that has one counts, but all are that append."""
    homes = [name for name in segment_names(directory) if segments.first_of_name(name) <= sequence]
    for name in reversed(homes):
        data = memoryview(segment_bytes(directory / name))
        scan = scan_segment(name, data)
        for first, offset in zip(scan.firsts, scan.offsets, strict=True):
            if first == sequence:
                yield _frame(data, offset)
        if scan.last >= sequence:
            return


def _frame(data: memoryview, offset: int) -> tuple[frames.Frame, bytes]:
    frame = frames.read_header(data, offset)
    assert frame is not None, "the scan found a frame here"
    return frame, bytes(frames.body_of(data, frame))


def _is_that(theirs: tuple[frames.Frame, bytes], ours: tuple[frames.Frame, bytes]) -> bool:
    """Say whether a frame of the backup is one of the log, in which events may have been erased since."""
    (before, body), (now, erased) = theirs, ours
    if body == erased or not now.flags & frames.HAS_ERASED or before.count != now.count:
        return body == erased
    events = zip(frames.events_of(body, before.count), frames.events_of(erased, now.count), strict=True)
    return all(same_but_for_erased(old, new) for old, new in events)


def _bring(source: Path, copy: Path, keep: Kept) -> int:
    """Write a segment into the backup unless it is there like that; return how many bytes were written."""
    content = segment_bytes(source / keep.scan.name)[: keep.end]
    place = copy / keep.scan.name
    if place.exists() and place.read_bytes() == content:
        return 0
    remove_derived(place)
    put_file(place, content)
    sync_path(copy)  # the next one may know that this one is whole, so it must not be there without it
    return len(content)
