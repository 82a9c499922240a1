"""When bytes count as safe: the fsync policies, checked writes, and directory entries."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from store.errors import DiskFull, Invalid, StoreError, SyncFailed
from store.ports import Sync

# What can be waited for: space, and descriptors.
_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE))
_IOV_MAX = 1024

AHEAD_BYTES = 1 << 20
"""How much longer than what is in it a file is that is synced often."""
_NS_PER_MS = 1_000_000


class FsyncPolicy(msgspec.Struct, frozen=True):
    """When a commit is made durable.

    Attributes:
        kind: `always` one fsync per append, `group` one per commit, both before it is acknowledged;
            `interval` at most `interval_ns` after it; `never` only on a clean close.
        interval_ns: the bound of `interval`, nanoseconds.
    """

    kind: Literal["always", "group", "interval", "never"]
    interval_ns: int = 0

    @property
    def before_acknowledging(self) -> bool:
        """Whether a commit is durable before it is acknowledged."""
        return self.kind in ("always", "group")

    def __str__(self) -> str:
        """The policy as a user writes it."""
        return f"interval:{self.interval_ns // _NS_PER_MS}" if self.kind == "interval" else self.kind


def parse_policy(text: str) -> FsyncPolicy:
    """Read a policy: `always`, `group`, `interval:MS` (milliseconds, 1 or more) or `never`.

    Raises:
        Invalid: it is none of these.
    """
    word, _, number = text.partition(":")
    if word == "interval" and number.isdecimal() and int(number) > 0:
        return FsyncPolicy("interval", int(number) * _NS_PER_MS)
    if not number:
        for kind in ("always", "group", "never"):
            if text == kind:
                return FsyncPolicy(kind)
    raise Invalid(f"fsync policy {text!r} is unknown: use always, group, interval:MS or never")


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
    a small append. So a file that is synced often is `AHEAD_BYTES` longer than what is in it. The rest is a hole: it
    reads as zeros and takes no space.

    Args:
        fd: the file.
        end: up to where it is about to be written.
        limit: how long it may become at the most.

    Returns:
        How long it is then; `end` if it may not become longer, and so grows as it is written.
    """
    size = max(end, min(end + AHEAD_BYTES, limit))
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
        raise _uncut(error, size, path) from error


def write_error(error: OSError, path: Path) -> StoreError:
    """Translate an error of the operating system about writing: no space can be waited for, anything else is fatal."""
    if error.errno in _NO_SPACE:
        return DiskFull(f"no space for {path}: {error.strerror}; free some and append again, reading goes on")
    return SyncFailed(f"{path} could not be written: {error.strerror}; check the disk, then start again")


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


def sync_path(path: Path) -> None:
    """Make a file, or a directory's entries, durable.

    Raises:
        SyncFailed: the disk did not confirm.
        DiskFull: the process has no descriptor left to ask it with.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise write_error(error, path) from error
    try:
        sync_file(fd, os.fsync, path)
    finally:
        os.close(fd)


def create_file(path: Path, *, replace: bool = False) -> int:
    """Create a file that only its owner may read, and return its descriptor, open for reading and writing.

    A symbolic link in its place is refused: in a directory of others it could lead to any file.

    Raises:
        DiskFull: there is no space.
        SyncFailed: the operating system refused for another reason.
    """
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(path, flags | (os.O_TRUNC if replace else os.O_EXCL), 0o600)
    except OSError as error:
        raise write_error(error, path) from error


def put_file(path: Path, content: bytes, *, durably: bool = True) -> None:
    """Replace a file at once and durably, but for its directory entry, which the caller syncs.

    Args:
        path: the file.
        content: what it is to hold.
        durably: whether to sync it; a file that can be told from a damaged one, and made again, needs no sync.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk did not confirm.
    """
    draft = path.with_name(path.name + ".new")
    fd = create_file(draft, replace=True)
    try:
        write_all(fd, content, 0, draft)
        if durably:
            sync_file(fd, os.fsync, draft)
    except StoreError:
        draft.unlink()
        raise
    finally:
        os.close(fd)
    replace_file(draft, path)


def replace_file(draft: Path, path: Path) -> None:
    """Give a draft the name that it was written for, in the place of what has it.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the operating system refused for another reason.
    """
    try:
        draft.replace(path)
    except OSError as error:
        raise write_error(error, path) from error


def cut_file(path: Path, size: int) -> None:
    """Shorten a file durably.

    Raises:
        SyncFailed: the disk did not confirm.
    """
    try:
        os.truncate(path, size)
    except OSError as error:
        raise _uncut(error, size, path) from error
    sync_path(path)


def _uncut(error: OSError, size: int, path: Path) -> SyncFailed:
    return SyncFailed(f"{path} could not be cut to {size} bytes: {error.strerror}; check the disk")


def make_directory(path: Path) -> None:
    """Create a directory that only its owner may enter, with its parents, durably; do nothing if it is there.

    Raises:
        DiskFull: there is no space.
        SyncFailed: the disk did not confirm.
        OSError: there may be no such directory.
    """
    missing = [step for step in (path, *path.parents) if not step.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise write_error(error, path) from error
        raise
    for step in missing:
        sync_path(step.parent)
