"""The segment files of a directory, and what is derived from them."""

import os
from pathlib import Path

from store.disk.files import create_file, sync_path
from store.disk.sync import sync_file, write_all
from store.errors import DiskFull, SyncFailed
from store.format.segment import SegmentHeader, encode_header, is_segment_name, segment_name


def segment_names(directory: Path) -> list[str]:
    """Return the names of a directory's segments, in order."""
    return sorted(entry.name for entry in os.scandir(directory) if is_segment_name(entry.name))


def create_segment(directory: Path, header: SegmentHeader) -> tuple[Path, int]:
    """Begin a segment; return the path and the open file, whose header and directory entry are durable by then.

    Raises:
        DiskFull: there is no space; nothing is left of it.
        SyncFailed: the disk did not confirm.
    """
    path = directory / segment_name(header.first_sequence)
    fd = create_file(path)
    try:
        write_all(fd, encode_header(header), 0, path)
        sync_file(fd, os.fsync, path)
        sync_path(directory)
    except (DiskFull, SyncFailed):
        os.close(fd)
        path.unlink()
        raise
    return path, fd


def remove_segment(path: Path) -> None:
    """Remove a segment and what is derived from it: the files that share its name but for the suffix."""
    path.unlink(missing_ok=True)
    remove_derived(path)


def remove_derived(path: Path) -> None:
    """Remove what is derived from a segment, such as its index; whoever opens the log makes it again."""
    for derived in path.parent.glob(f"{path.stem}.*"):
        if derived != path:
            derived.unlink(missing_ok=True)
