"""When bytes count as safe: checked writes to an open file, and checked syncs."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from store.disk.ports import Sync
from store.errors import DiskFull, StoreError, SyncFailed

# What can be waited for: space, and descriptors.
_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE))
_IOV_MAX = 1024
"""How many byte strings one `pwritev` takes on Linux."""

HOLE_BYTES = 1 << 20
"""How much longer than what is in it a file is that is synced often."""


def write_all(fd: int, data: bytes | memoryview, offset: int, path: Path) -> None:
    """Write every byte at an offset of a file.

    Raises:
        DiskFull: there is no space, or the file may not grow; some bytes may have been written.
        SyncFailed: the disk refused them for another reason.
    """
    try:
        written = os.pwrite(fd, data, offset)
        while written < len(data):
            written += os.pwrite(fd, memoryview(data)[written:], offset + written)
    except OSError as error:
        raise write_error(error, path) from error


def write_parts(fd: int, parts: Sequence[bytes], offset: int, path: Path) -> int:
    """Write byte strings one after the other at an offset of a file; return how many bytes.

    Raises:
        DiskFull: there is no space, or the file may not grow; some bytes may have been written.
        SyncFailed: the disk refused them for another reason.
    """
    size = sum(map(len, parts))
    written = 0
    if len(parts) <= _IOV_MAX:
        try:
            written = os.pwritev(fd, parts, offset)
        except OSError as error:
            raise write_error(error, path) from error
    if written < size:
        write_all(fd, memoryview(b"".join(parts))[written:], offset + written, path)
    return size


def lengthen(fd: int, end: int, limit: int) -> int:
    """Let a file end behind a byte that is about to be written, so that syncing what comes there is cheaper.

    `fdatasync` has to commit the file system's journal whenever a file has grown, which is a third of what it takes for
    a small append. So a file that is synced often is `HOLE_BYTES` longer than what is in it. The rest is a hole: it
    reads as zeros and takes no space.

    Args:
        fd: the file.
        end: up to where it is about to be written.
        limit: how long it may become at the most.

    Returns:
        How long it is then; `end` if it may not become longer, and so grows as it is written.
    """
    size = max(end, min(end + HOLE_BYTES, limit))
    try:
        os.ftruncate(fd, size)
    except OSError:
        return end
    return size


def cut_back(fd: int, size: int, path: Path) -> None:
    """Shorten an open file; the next sync of it makes that durable.

    Raises:
        SyncFailed: the operating system refused.
    """
    try:
        os.ftruncate(fd, size)
    except OSError as error:
        raise cut_error(error, size, path) from error


def sync_file(fd: int, sync: Sync, path: Path) -> None:
    """Make a file's bytes durable.

    Raises:
        SyncFailed: the disk did not confirm. Trying again could succeed without the bytes, so no one may.
    """
    try:
        sync(fd)
    except OSError as error:
        raise SyncFailed(
            f"{path} could not be synced: {error.strerror}; what was being appended is unknown: "
            "check the disk, then start again"
        ) from error


def write_error(error: OSError, path: Path) -> StoreError:
    """Translate an error of the operating system about writing: no space can be waited for, anything else is fatal."""
    if error.errno in _NO_SPACE:
        return DiskFull(f"no space for {path}: {error.strerror}; free some and append again, reading goes on")
    return SyncFailed(f"{path} could not be written: {error.strerror}; check the disk, then start again")


def cut_error(error: OSError, size: int, path: Path) -> SyncFailed:
    """Translate an error of the operating system about shortening a file."""
    return SyncFailed(f"{path} could not be cut to {size} bytes: {error.strerror}; check the disk")
