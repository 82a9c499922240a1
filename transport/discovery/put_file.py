"""Writes the small files of a data directory: whole or not at all, and closed to others from the first byte."""

from __future__ import annotations

import os
from pathlib import Path


def put_file(path: Path, content: bytes, mode: int = 0o600, *, durably: bool = False) -> None:
    """Put a file in place of what was there, atomically.

    Args:
        path: Where.
        content: What.
        mode: The file's mode, whatever the umask says.
        durably: Whether it has to outlast a power cut too; takes two syncs of the disk.

    Raises:
        OSError: It cannot be written; nothing is left beside it.
    """
    draft = path.with_name(f"{path.name}.{os.urandom(4).hex()}.new")
    try:
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(file, "wb") as out:
            os.fchmod(file, mode)
            out.write(content)
            if durably:
                out.flush()
                os.fsync(file)
        draft.replace(path)
        if durably:
            _sync(path.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _sync(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
