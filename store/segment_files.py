"""The segment files of a directory, and what is derived from them."""

import os
from pathlib import Path

from store.segment import is_segment_name


def segment_names(directory: Path) -> list[str]:
    """Return the names of a directory's segments, in order."""
    return sorted(entry.name for entry in os.scandir(directory) if is_segment_name(entry.name))


def remove_segment(path: Path) -> None:
    """Remove a segment and what is derived from it: the files that share its name but for the suffix."""
    path.unlink(missing_ok=True)
    remove_derived(path)


def remove_derived(path: Path) -> None:
    """Remove what is derived from a segment, such as its index; whoever opens the log makes it again."""
    for derived in path.parent.glob(f"{path.stem}.*"):
        if derived != path:
            derived.unlink(missing_ok=True)
