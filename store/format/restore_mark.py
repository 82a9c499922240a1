"""The restore mark: says that a log is being replaced by a backup, so that its segments are no whole log meanwhile.

It is written before the first file is moved and removed behind the last one. A directory that has it, legible or not,
is not opened as a log.
"""

from pathlib import Path

import msgspec

from store.disk.files import sync_path
from store.disk.small_file import Unreadable, read_digested, write_digested
from store.errors import LogDamaged
from store.format.frame import UNREADABLE

RESTORE_MARK_NAME = "half-restored"


class RestoreMark(msgspec.Struct, frozen=True, array_like=True):
    """How far a restore has come.

    Attributes:
        last_sequence: the last event of the backup that is being restored.
        replaced: the directory beside the segments where the former log goes; empty if there was none.
        replaced_whole: whether all of the former log is there; the segments that are here are the backup's then.
    """

    last_sequence: int = 0
    replaced: str = ""
    replaced_whole: bool = False


_UNKNOWN = RestoreMark()

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(RestoreMark).decode


def read_restore_mark(directory: Path) -> RestoreMark | None:
    """Return the mark of a log; None if it has none, and one that says nothing if it is unreadable."""
    try:
        return _decode(read_digested(directory / RESTORE_MARK_NAME))
    except FileNotFoundError:
        return None
    except (Unreadable, *UNREADABLE):
        return _UNKNOWN


def refuse_half_restored(directory: Path) -> None:
    """Refuse a directory in which a restore stopped before its end.

    Raises:
        LogDamaged: it is one.
    """
    mark = read_restore_mark(directory)
    if mark is None:
        return
    former = f"; the former log goes on to {directory / mark.replaced}" if mark.replaced else ""
    raise LogDamaged(
        f"{directory / RESTORE_MARK_NAME}: restoring a backup up to event {mark.last_sequence} did not end, so what is "
        f"here is no whole log; nothing was changed: restore that backup again, or another one{former}"
    )


def write_restore_mark(directory: Path, mark: RestoreMark) -> None:
    """Record durably how far a restore has come.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk did not confirm.
    """
    write_digested(directory / RESTORE_MARK_NAME, _encode(mark))


def remove_restore_mark(directory: Path) -> None:
    """Say durably that the log is whole.

    Raises:
        SyncFailed: the disk did not confirm.
    """
    (directory / RESTORE_MARK_NAME).unlink()
    sync_path(directory)
