"""What a directory holds, and what counts of it: reads it and lets `what_counts` decide. Changes nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from store.format import segment as segments
from store.format.clean_stop import CleanStop, read_clean_stop
from store.format.durable_mark import read_durable_mark
from store.format.erasure_record import segment_bytes
from store.format.index_file import IndexHeader
from store.format.restore_mark import refuse_half_restored
from store.format.retention_record import RetentionRecord, read_record
from store.format.segment_files import segment_names
from store.recovery.trusted_indexes import trusted_indexes
from store.recovery.what_counts import Damage, Recovery, Scan, recover, scan_segment


class Found(NamedTuple):
    """What a directory holds, before anything is changed.

    Attributes:
        recovery: what counts.
        clean_stop: the note of the last stop, if it was clean.
        scans: every segment.
        record: what was retired.
        marked: how far the files beside the segments call the log durable.
        promised: how far the appends had been acknowledged when the process ended, by the durable mark.
    """

    recovery: Recovery
    clean_stop: CleanStop | None
    scans: list[Scan]
    record: RetentionRecord
    marked: int
    promised: int

    @property
    def lost(self) -> int:
        """How many events had been acknowledged and are not among what counts; damage is something else."""
        return 0 if self.recovery.damage else max(0, self.promised - self.recovery.last)

    @property
    def clean(self) -> bool:
        """Whether the last stop was clean, so that the last segment may simply be continued."""
        kept, dropped = self.recovery.kept, self.recovery.dropped
        if not kept or dropped:
            return not kept and not dropped
        scan = kept[-1].scan
        whole = all(keep.scan.size == keep.end for keep in kept)
        return whole and self.clean_stop == CleanStop(self.recovery.last, scan.name, scan.size)


def scan_directory(directory: Path, last_retired: int = 0) -> list[Scan]:
    """Scan the segments of a directory that begin behind a sequence, in order; changes nothing."""
    names = [name for name in segment_names(directory) if segments.first_of_name(name) > last_retired]
    return [scan_segment(name, segment_bytes(directory / name)) for name in names]


def survey(directory: Path) -> Found:
    """Read a directory and decide what counts; changes nothing.

    Raises:
        LogDamaged: the retention record is unreadable, or a restore did not end.
    """
    promised = read_durable_mark(directory)
    clean_stop, record, marked = witnesses(directory)
    scans = scan_directory(directory, record.last)
    return Found(recover(scans, marked, record.last, promised), clean_stop, scans, record, marked, promised)


def witnesses(directory: Path) -> tuple[CleanStop | None, RetentionRecord, int]:
    """Read what speaks of the segments, before these: they may be growing, and it must not be ahead of them.

    Raises:
        LogDamaged: the retention record is unreadable, or a restore did not end: then they are no whole log.
    """
    refuse_half_restored(directory)
    clean_stop = read_clean_stop(directory)
    record = read_record(directory)
    return clean_stop, record, max(clean_stop.last_sequence if clean_stop else 0, record.durable)


def quick_survey(directory: Path) -> tuple[Found, dict[str, IndexHeader]]:
    """Do the same, but let index files stand for the segments that they may stand for; return these too."""
    promised = read_durable_mark(directory)
    clean_stop, record, marked = witnesses(directory)
    names = [name for name in segment_names(directory) if segments.first_of_name(name) > record.last]
    trusted = trusted_indexes(directory, names, max(marked, promised))
    scanned: dict[str, Scan] = {}
    while True:
        for name in names:
            if name not in trusted and name not in scanned:
                scanned[name] = scan_segment(name, segment_bytes(directory / name))
        scans = [scanned.get(name) or trusted[name][0] for name in names]
        found = Found(recover(scans, marked, record.last, promised), clean_stop, scans, record, marked, promised)
        doubtful = _doubtful(found, trusted)
        if not doubtful:
            return found, {name: index for name, (_, index) in trusted.items()}
        for name in doubtful:
            del trusted[name]


def _doubtful(found: Found, trusted: Mapping[str, tuple[Scan, IndexHeader]]) -> set[str]:
    """Name the segments that must be read after all: they do not count in full, or the last one is to be renewed."""
    kept = {keep.scan.name: keep.last for keep in found.recovery.kept}
    doubtful = {name for name, (scan, _) in trusted.items() if kept.get(name) != scan.last}
    return doubtful if found.clean else doubtful | ({*list(kept)[-1:]} & trusted.keys())


def describe(directory: Path, damage: Damage) -> str:
    """Say what is damaged, where, and what to do."""
    what = (
        f"unreadable from byte {damage.offset}" if damage.offset else "missing, or without a header this version reads"
    )
    return (
        f"{directory / damage.name}: {what}, where event {damage.sequence} had been durable; "
        "nothing was changed: copy the directory, check the disk, then restore a backup or repair"
    )
