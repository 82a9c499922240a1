"""The note of a clean stop, and the reserve that makes room for it on a full disk."""

import contextlib
import os
from pathlib import Path

import msgspec

from store.disk.files import put_file, sync_path
from store.disk.small_file import read_with_crc, with_crc
from store.errors import DiskFull
from store.format.frame import UNREADABLE
from store.format.streams_file import STREAMS_NAME

CLEAN_STOP_NAME = "clean"
RESERVE_NAME = "reserve"


class CleanStop(msgspec.Struct, frozen=True, array_like=True):
    """What a clean stop leaves: the log was durable up to `last_sequence`, its last segment `segment_bytes` long.

    It is true for ever, but says that the stop was clean only as long as the last segment has that name and length, and
    is still that file: a copy has another inode. So a copy of a log goes on in an epoch of its own, as after a crash.
    """

    last_sequence: int
    segment: str
    segment_bytes: int
    inode: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(CleanStop).decode


def read_clean_stop(directory: Path) -> CleanStop | None:
    """Return the note, None if there is none or it is unreadable: then the stop counts as unclean."""
    content = read_with_crc(directory / CLEAN_STOP_NAME)
    if content is None:
        return None
    try:
        note = _decode(content)
    except UNREADABLE:
        return None
    same = not note.inode or note.inode == _inode(directory / note.segment)
    return msgspec.structs.replace(note, inode=0, segment=note.segment if same else "")


def write_clean_stop(directory: Path, clean_stop: CleanStop) -> None:
    """Leave the note durably, giving up the reserve if the disk is full.

    Raises:
        DiskFull: there is no space even so.
        SyncFailed: the disk did not confirm.
    """
    try:
        _write(directory, clean_stop)
    except DiskFull:
        (directory / RESERVE_NAME).unlink(missing_ok=True)
        _write(directory, clean_stop)


def remove_clean_stop(directory: Path, *derived: Path) -> None:
    """Take away durably what holds only until an append: the note, the table of streams, other derived files.

    Raises:
        SyncFailed: the disk did not confirm.
    """
    paths = [directory / CLEAN_STOP_NAME, directory / STREAMS_NAME, *derived]
    if any([_removed(path) for path in paths]):  # noqa: C419 - every one of them is to be removed
        sync_path(directory)


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def make_reserve(directory: Path, size: int) -> None:
    """Set space aside, if there is some: without it only a clean stop on a full disk is lost."""
    with contextlib.suppress(OSError):
        fd = os.open(directory / RESERVE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if os.fstat(fd).st_size < size:
                os.posix_fallocate(fd, 0, size)
        finally:
            os.close(fd)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except (OSError, ValueError):
        return 0


def _write(directory: Path, clean_stop: CleanStop) -> None:
    named = msgspec.structs.replace(clean_stop, inode=_inode(directory / clean_stop.segment))
    put_file(directory / CLEAN_STOP_NAME, with_crc(_encode(named)))
    sync_path(directory)
