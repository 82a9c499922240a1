"""The marker of a clean stop, and the reserve that makes room for it on a full disk."""

import contextlib
import os
import zlib
from pathlib import Path

import msgspec

from store.disk.files import put_file, sync_path
from store.errors import DiskFull
from store.format.frame import UNREADABLE
from store.format.streams_file import HEADS_NAME

MARKER_NAME = "clean"
RESERVE_NAME = "reserve"
_CRC_BYTES = 4


class Marker(msgspec.Struct, frozen=True, array_like=True):
    """What a clean stop leaves: the log was durable up to `last_sequence`, its last segment `segment_bytes` long.

    It is true for ever, but says that the stop was clean only as long as the last segment has that name and length.
    """

    last_sequence: int
    segment: str
    segment_bytes: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Marker).decode


def read_marker(directory: Path) -> Marker | None:
    """Return the marker, None if there is none or it is unreadable: then the stop counts as unclean."""
    try:
        data = (directory / MARKER_NAME).read_bytes()
    except FileNotFoundError:
        return None
    crc, content = data[:_CRC_BYTES], data[_CRC_BYTES:]
    if zlib.crc32(content).to_bytes(_CRC_BYTES, "little") != crc:
        return None
    try:
        return _decode(content)
    except UNREADABLE:
        return None


def write_marker(directory: Path, marker: Marker) -> None:
    """Leave the marker durably, giving up the reserve if the disk is full.

    Raises:
        DiskFull: there is no space even so.
        SyncFailed: the disk did not confirm.
    """
    try:
        _write(directory, marker)
    except DiskFull:
        (directory / RESERVE_NAME).unlink(missing_ok=True)
        _write(directory, marker)


def remove_marker(directory: Path, *derived: Path) -> None:
    """Take away durably what only holds until something is appended: the marker, the heads, other derived files.

    Raises:
        SyncFailed: the disk did not confirm.
    """
    paths = [directory / MARKER_NAME, directory / HEADS_NAME, *derived]
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


def _write(directory: Path, marker: Marker) -> None:
    content = _encode(marker)
    put_file(directory / MARKER_NAME, zlib.crc32(content).to_bytes(_CRC_BYTES, "little") + content)
    sync_path(directory)
