"""Repair: gives up what a damaged log cannot read any more, when somebody asks for it, and never more than that.

The log ends where its readable chain ends. Everything behind that is put aside first, in a directory of its own inside
the data directory: the removed bytes as they were, and as JSON lines every event that can still be read in them. Then
the files are cut. A crash anywhere in between leaves a log that is still damaged, or one that is repaired; never one
that lost something which was not put aside.
"""

from collections import Counter, deque
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import msgspec

from store.disk.files import cut_file, sync_path
from store.disk.lock import DirectoryLock
from store.errors import RepairRefused
from store.format import segment as segments
from store.format.clean_stop import remove_clean_stop
from store.format.durable_mark import MARK_NAME
from store.format.erasure_record import read_erasure_record
from store.format.retention_parts import revisions_at
from store.format.retention_record import write_record
from store.format.segment_files import remove_derived, remove_segment
from store.recovery.index_check import contradictions
from store.recovery.put_aside import Part, frames_of, parts_behind, put_aside
from store.recovery.survey import Found, describe, survey
from store.recovery.verify import check_segment


class Repaired(msgspec.Struct, frozen=True, kw_only=True):
    """What a repair did; as built-ins it is what `moothall events repair --json` prints.

    Attributes:
        problem: what was damaged; None if nothing was, and then no event was touched.
        events: how many events were removed, as far as any mark, frame or file name tells.
        bytes: how many bytes were removed.
        last_sequence: the log's last event now, 0 for an empty log.
        removed: the directory with what was removed.
        derived: the files that contradicted the log and were removed; the next opening makes them again.
    """

    problem: str | None
    events: int
    bytes: int
    last_sequence: int
    removed: str | None
    derived: list[str] = []


def repair(path: str | PathLike[str], *, max_events: int) -> Repaired:
    """Make a damaged log usable again by removing what comes after the damage.

    The next opening gives the log a new epoch, since cursors may be ahead of it now.

    Args:
        path: the data directory.
        max_events: refuse if more events than this would be removed.

    Raises:
        FileNotFoundError: there is no such directory.
        LogLocked: a process has the log open.
        LogDamaged: the retention record is unreadable, or a restore did not end; only a backup helps.
        RepairRefused: too much would be removed; nothing was changed.
        DiskFull: there is no space to put the removed part aside; the log was not changed.
        SyncFailed: the disk did not confirm; repair again.
    """
    directory = Path(path)
    directory.stat()
    lock = DirectoryLock(directory)
    try:
        found = survey(directory)
        if found.recovery.damage is None:
            derived = _remove_contradictions(directory, found)
            last = found.recovery.last
            return Repaired(problem=None, events=0, bytes=0, last_sequence=last, removed=None, derived=derived)
        return _repair(directory, found, max_events)
    finally:
        lock.release()


def _remove_contradictions(directory: Path, found: Found) -> list[str]:
    """Remove the derived files that say otherwise than an undamaged log."""
    revisions = revisions_at(directory, found.record)
    for keep in found.recovery.kept:
        deque(check_segment(directory, keep, revisions, None, Counter()), maxlen=0)
    under_way = read_erasure_record(directory).under_way  # then indexes forget first what is erased at the opening
    wrong = [] if under_way else [path for path, _ in contradictions(directory, found, revisions)]
    for path in wrong:
        path.unlink()
    if wrong:
        sync_path(directory)
    return [path.name for path in wrong]


def _repair(directory: Path, found: Found, max_events: int) -> Repaired:
    recovery = found.recovery
    assert recovery.damage is not None
    problem = describe(directory, recovery.damage)
    parts = parts_behind(found.scans, recovery.kept)
    lost = _known_end(directory, found, parts) - recovery.last
    if lost > max_events:
        raise RepairRefused(
            f"{problem}; repairing would remove {lost} events from {recovery.last + 1} on, more than the {max_events} "
            "allowed: nothing was changed; restore a backup, or allow that many",
            lost,
        )
    aside = put_aside(directory, parts, recovery.last)
    remove_clean_stop(directory, directory / MARK_NAME)
    if found.record.durable > recovery.last:
        write_record(directory, msgspec.structs.replace(found.record, durable=recovery.last))
    for scan, start in reversed(parts):
        if start:
            remove_derived(directory / scan.name)
            cut_file(directory / scan.name, start)
        else:
            remove_segment(directory / scan.name)
    sync_path(directory)
    return Repaired(
        problem=problem,
        events=lost,
        bytes=sum(scan.size - start for scan, start in parts),
        last_sequence=recovery.last,
        removed=str(aside),
    )


def _known_end(directory: Path, found: Found, parts: Sequence[Part]) -> int:
    """Return the last sequence that anything speaks of."""
    ends = [found.recovery.last, found.marked, found.promised]
    for scan, start in parts:
        ends += [scan.mark, segments.first_of_name(scan.name) - 1]
        data = memoryview((directory / scan.name).read_bytes())
        ends += [frame.first_sequence + frame.count - 1 for frame in frames_of(scan, data, start)]
    return max(ends)
