"""Restoring: a backup becomes the log of a data directory; what was there is put beside it, whole.

The log that was there leaves newest segment first, and the mark of how far it had been durable leaves last: so a stop
among its segments leaves no directory that opens as a shorter log without a word, and restoring again finishes it.
"""

from itertools import count
from os import PathLike
from pathlib import Path

import msgspec

from store.care.backup import bring_up_to_date
from store.disk.files import make_directory, sync_path
from store.disk.lock import DirectoryLock
from store.errors import Invalid, LogDamaged
from store.format.clean_stop import CLEAN_STOP_NAME
from store.format.durable_mark import MARK_NAME
from store.format.retention_record import RECORD_NAME
from store.format.segment_files import segment_names
from store.format.streams_file import STREAMS_NAME
from store.recovery.verify import verify

REPLACED = "replaced-{}"
"""The directory beside the segments where the former log goes; the number is the first free one."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What restoring did; as built-ins it is part of what `moothall events restore --json` prints.

    Attributes:
        last_sequence: the last event of the log now, 0 for an empty one.
        replaced: where the log is that was there; None where there was none.
    """

    last_sequence: int
    replaced: str | None


def restore(path: str | PathLike[str], target: str | PathLike[str]) -> Restored:
    """Make a backup the log of a data directory. Whatever else is in the directory stays as it is.

    Args:
        path: the backup's directory.
        target: the data directory; created if need be. No server may be using it.

    Raises:
        FileNotFoundError: there is no such backup.
        Invalid: the two are the same.
        LogDamaged: the backup is damaged; nothing was changed.
        LogLocked: a server is using the directory; nothing was changed.
        DiskFull: there is no space: free some and restore again.
        SyncFailed: the disk did not confirm: restore again.
    """
    source, directory = Path(path), Path(target)
    source.stat()
    if directory.exists() and directory.samefile(source):
        raise Invalid(f"{directory} is the backup itself: choose another directory")
    problems = verify(source).problems
    if problems:
        raise LogDamaged(f"{source} cannot be restored: {problems[0]}; choose an older backup, or repair a copy of it")
    make_directory(directory)
    lock = DirectoryLock(directory)
    try:
        replaced = _put_beside(directory)
        done = bring_up_to_date(source, directory)
    finally:
        lock.release()
    return Restored(last_sequence=done.last_sequence, replaced=None if replaced is None else str(replaced))


def _put_beside(directory: Path) -> Path | None:
    leaving = [file for name in reversed(segment_names(directory)) for file in _and_derived(directory / name)]
    leaving += [directory / name for name in (CLEAN_STOP_NAME, STREAMS_NAME, RECORD_NAME, MARK_NAME)]
    leaving = [file for file in leaving if file.exists()]
    if not leaving:
        return None
    beside = next(place for number in count(1) if not (place := directory / REPLACED.format(number)).exists())
    make_directory(beside)
    for file in leaving:
        file.replace(beside / file.name)
    sync_path(beside)
    sync_path(directory)
    return beside


def _and_derived(segment: Path) -> list[Path]:
    return [segment, *(file for file in sorted(segment.parent.glob(f"{segment.stem}.*")) if file != segment)]
