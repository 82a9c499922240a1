"""How the oldest complete segments are retired: archived or dropped.

The order makes a crash harmless: first the archive has the segments, then the record says that they left, then the
files are removed. Files that a crash left behind no longer count, and go with the next segments that do.

A segment that a retried command may still need stays, whatever its age and size: those of the last day that hold one of
the last `Limits.commands` commands. So does the one that is being written.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from store.disk.files import sync_path
from store.errors import LogDamaged
from store.format import frame as frames
from store.format import segment as segments
from store.format.index_file import index_path, read_header
from store.format.retention_parts import moved_on, remove_parts, revisions_at
from store.format.retention_record import RetentionRecord, read_record, write_record
from store.format.segment_files import remove_segment, segment_names
from store.recovery.what_counts import Scan, scan_segment
from store.retention.archive import pack
from store.retention.policy import DAY_NS, Retention, Retired, check_retention
from store.tamper.seal import Seal

COMMAND_WINDOW_NS = DAY_NS
"""For how long a command is remembered whatever retention says, unless there were very many since; nanoseconds."""


class _Leaving(NamedTuple):
    """A complete segment that leaves."""

    scan: Scan
    content: bytes


class _Facts(NamedTuple):
    """How many commands a segment holds, and the highest time of an event; None if there is none."""

    commands: int
    latest_ns: int | None


def retire(
    directory: Path,
    retention: Retention,
    *,
    archive: Path | None,
    now_ns: int,
    durable: int,
    commands: int,
    seal: Seal | None,
    most: int,
) -> tuple[RetentionRecord, Retired]:
    """Archive what leaves, and record it as retired; the files are left to `remove_retired`.

    Only complete segments are touched, so this may run in a thread while the log is appended to.

    Args:
        directory: the log's.
        retention: what may stay.
        archive: where a packed copy of each segment goes; None means nowhere.
        now_ns: the time, nanoseconds since 1970 UTC.
        durable: up to which sequence the log is durable; what is beyond stays.
        commands: how many of the last commands must stay known.
        seal: the log's seal, None if it is not sealed.
        most: how many segments leave at the most.

    Raises:
        Invalid: the policy says nothing, or the archive has such a segment of another log.
        LogDamaged: a segment that should leave is damaged; nothing was changed.
        DiskFull: there is no space for the archive; nothing has left.
        SyncFailed: the disk did not confirm; what has left will be known when the log is opened again.
    """
    check_retention(retention)
    record = read_record(directory)
    names = [name for name in segment_names(directory) if segments.first_of_name(name) > record.last]
    total = sum((directory / name).stat().st_size for name in names)
    changed: dict[str, int] = {}
    last = record.last
    left = bytes_left = 0
    needed = _needed_for_commands(directory, names, now_ns, commands)
    for name, following in pairwise(names):
        end = segments.first_of_name(following) - 1
        if left == most or name >= needed or end > durable:
            break
        too_much = retention.max_bytes is not None and total - bytes_left > retention.max_bytes
        if not too_much and not _is_older(_facts(directory, name), now_ns, retention.max_age_ns):
            break
        leaving = _look(directory, name, end)
        if archive is not None:
            pack(leaving.content, archive, name)
        _advance(changed, leaving)
        last, left, bytes_left = leaving.scan.last, left + 1, bytes_left + leaving.scan.size
    retired = Retired(segments=left, events=last - record.last, bytes=bytes_left, first_sequence=last + 1)
    if left:
        record = moved_on(directory, record, last, durable, changed)
        if seal:
            sealed = seal.of_record(last, revisions_at(directory, record))
            record = msgspec.structs.replace(record, seal=sealed)
        write_record(directory, record)
    return record, retired


def remove_retired(directory: Path, record: RetentionRecord) -> None:
    """Remove the files of segments that no longer count, and of the record's parts that it does not name any more."""
    covered = [name for name in segment_names(directory) if segments.first_of_name(name) <= record.last]
    for name in covered:
        remove_segment(directory / name)
    remove_parts(directory, record)
    if covered:
        sync_path(directory)


def _needed_for_commands(directory: Path, names: Sequence[str], now_ns: int, commands: int) -> str:
    """Return the name of the oldest segment that a retried command may need."""
    needed, found = names[-1] if names else "", 0
    for name in reversed(names):
        facts = _facts(directory, name)
        if found >= commands or (facts.latest_ns is not None and _is_older(facts, now_ns, COMMAND_WINDOW_NS)):
            break
        if facts.commands:
            needed = name
        found += facts.commands
    return needed


def _is_older(facts: _Facts, now_ns: int, age_ns: int | None) -> bool:
    return age_ns is not None and (facts.latest_ns or 0) < now_ns - age_ns


def _facts(directory: Path, name: str) -> _Facts:
    """Ask a segment's index file, or read the segment if it has none that belongs to it."""
    with (directory / name).open("rb") as file:
        header = segments.decode_header(file.read(segments.HEADER_BYTES))
        index = read_header(index_path(directory / name))
        if header is not None and index is not None and index.salt == header.salt:
            return _Facts(index.commands, index.latest_ns)
        file.seek(0)
        held = list(frames.frames_in(file.read(), segments.HEADER_BYTES, None))
    commands = sum(bool(frame.flags & frames.HAS_COMMAND) for frame in held)
    return _Facts(commands, max((frame.time_ns for frame in held), default=None))


def _look(directory: Path, name: str, last: int) -> _Leaving:
    path = directory / name
    content = path.read_bytes()
    scan = scan_segment(name, content)
    if scan.end != scan.size or scan.last != last:
        raise LogDamaged(f"{path}: unreadable from byte {scan.end}; nothing leaves a damaged log: run verify")
    return _Leaving(scan, content)


def _advance(revisions: dict[str, int], leaving: _Leaving) -> None:
    data = memoryview(leaving.content)
    for frame in frames.frames_in(data, segments.HEADER_BYTES, None):
        for event in frames.indexed_fields_of(frames.body_of(data, frame), frame.count):
            revisions[event.stream] = event.revision
