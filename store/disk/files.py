"""Files and directories by their paths: made, replaced, cut and synced."""

import os
from pathlib import Path

from store.disk.ports import Sync
from store.disk.sync import cut_error, sync_file, write_all, write_error
from store.errors import DiskFull, StoreError


def sync_path(path: Path, sync: Sync | None = None) -> None:
    """Make a file, or a directory's entries, durable.

    Args:
        path: of either.
        sync: makes a file descriptor's data durable or raises OSError; None means `os.fsync`.

    Raises:
        SyncFailed: the disk did not confirm.
        DiskFull: the process has no descriptor left to ask it with.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise write_error(error, path) from error
    try:
        sync_file(fd, sync or os.fsync, path)
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
        raise cut_error(error, size, path) from error
    sync_path(path)


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
        if isinstance(failure := write_error(error, path), DiskFull):
            raise failure from error
        raise
    for step in missing:
        sync_path(step.parent)
