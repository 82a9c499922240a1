"""Restoring: a backup becomes the log of a data directory; what was there is put beside it, whole.

First the backup is copied into a directory of its own, and synced. Then a mark says that the log is being replaced, and
while that is there nothing opens it. Only then the files move: those of the former log away, and the backup's in, the
oldest segment first. So after a stop anywhere there is the former log, or the backup's, or one that says that it is
neither. Restoring again begins with a new copy, and goes on with the directory that the former log was going to.
"""

import shutil
from collections.abc import Sequence
from itertools import count
from os import PathLike
from pathlib import Path

import msgspec

from store.care.backup import BackedUp, bring_up_to_date
from store.disk.files import make_directory, replace_file, sync_path
from store.disk.lock import DirectoryLock
from store.errors import DiskFull, Invalid, LogDamaged, SyncFailed
from store.format.clean_stop import CLEAN_STOP_NAME
from store.format.durable_mark import MARK_NAME
from store.format.erasure_record import ERASURE_NAME
from store.format.names_file import NAMES_NAME
from store.format.restore_mark import RestoreMark, read_restore_mark, remove_restore_mark, write_restore_mark
from store.format.retention_parts import part_files
from store.format.retention_record import RECORD_NAME
from store.format.segment_files import segment_names
from store.format.streams_file import STREAMS_NAME
from store.recovery.verify import verify

REPLACED = "replaced-{}"
"""The directory beside the segments where the former log goes; the number is the first free one."""

STAGING = "restoring"
"""The directory beside the segments that the backup is copied into; what is in it of an earlier attempt is removed."""


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
        Invalid: the two are the same, or the backup is what an earlier attempt has copied.
        LogDamaged: the backup is damaged; nothing was changed.
        LogLocked: a server is using the directory; nothing was changed.
        DiskFull: there is no space: free some and restore again. The log is as it was, or is not opened until then.
        SyncFailed: the disk did not confirm: restore again. The log is as it was, or is not opened until then.
    """
    source, directory = Path(path), Path(target)
    source.stat()
    for place in (directory, directory / STAGING):
        if place.exists() and place.samefile(source):
            raise Invalid(f"{source} is no backup but a part of {directory}: choose another directory")
    problems = verify(source).problems
    if problems:
        raise LogDamaged(f"{source} cannot be restored: {problems[0]}; choose an older backup, or repair a copy of it")
    make_directory(directory)
    lock = DirectoryLock(directory)
    try:
        return _restore(source, directory)
    except (DiskFull, SyncFailed) as error:
        raise type(error)(f"restoring {source} did not end, so restore again: {error}") from error
    finally:
        lock.release()


def _restore(source: Path, directory: Path) -> Restored:
    done = _stage(source, directory / STAGING)
    replaced = _put_beside(directory, done.last_sequence)
    write_restore_mark(directory, RestoreMark(done.last_sequence, replaced, replaced_whole=True))
    staged = directory / STAGING
    _move(sorted(staged.iterdir()), directory)
    staged.rmdir()
    remove_restore_mark(directory)
    return Restored(last_sequence=done.last_sequence, replaced=str(directory / replaced) if replaced else None)


def _stage(source: Path, staged: Path) -> BackedUp:
    """Copy the backup durably to where its files only need to be moved from."""
    if staged.exists():
        shutil.rmtree(staged)
    make_directory(staged)
    try:
        return bring_up_to_date(source, staged)
    except Exception:
        shutil.rmtree(staged, ignore_errors=True)  # a part of a copy only takes space from the log that is there
        raise


def _put_beside(directory: Path, last: int) -> str:
    """Move the former log away, or what a stop has left of it; return the name of its directory, empty if none was.

    Where it had left whole, the segments that are here are those of the backup that was being restored, which this one
    replaces. What is not in this backup like that is no copy of it, so it is kept all the same.
    """
    begun = read_restore_mark(directory)
    leaving = _log_files(directory)
    if begun and begun.replaced_whole:
        strange = [file for file in leaving if not _is_staged(file)]
        if strange:
            _move(strange, _free_place(directory))
        return begun.replaced
    replaced = begun.replaced if begun else ""
    if leaving and (not replaced or any((directory / replaced / file.name).exists() for file in leaving)):
        replaced = _free_place(directory).name
    write_restore_mark(directory, RestoreMark(last, replaced))
    if leaving:
        _move(leaving, directory / replaced)
    return replaced


def _log_files(directory: Path) -> list[Path]:
    """Return the files that make up a log, the newest segment first."""
    files = [file for name in reversed(segment_names(directory)) for file in _and_derived(directory / name)]
    files += [directory / name for name in (CLEAN_STOP_NAME, STREAMS_NAME, NAMES_NAME, RECORD_NAME, MARK_NAME)]
    files.append(directory / ERASURE_NAME)
    return [file for file in (*files, *part_files(directory)) if file.exists()]


def _and_derived(segment: Path) -> list[Path]:
    return [segment, *(file for file in sorted(segment.parent.glob(f"{segment.stem}.*")) if file != segment)]


def _is_staged(file: Path) -> bool:
    copy = file.parent / STAGING / file.name
    return copy.exists() and copy.read_bytes() == file.read_bytes()


def _free_place(directory: Path) -> Path:
    return next(place for number in count(1) if not (place := directory / REPLACED.format(number)).exists())


def _move(files: Sequence[Path], target: Path) -> None:
    """Move files of one directory durably to another one of the same disk, in this order."""
    make_directory(target)
    for file in files:
        replace_file(file, target / file.name)
    sync_path(target)
    for source in {file.parent for file in files}:
        sync_path(source)
