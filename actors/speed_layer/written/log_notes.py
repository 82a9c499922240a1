"""What the log keeps of the files that requests write, in the events of their verdicts. Pure.

Such an event has a tag of its own, so that a start finds the last of them without reading the whole audit, and
`writes`, `creates` and `approves`. Where these would be too long, or hold what looks like a secret, `writes` is null:
it is known that something was written and not what, so the session is asked about all that it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from actors.speed_layer.written.written_files import Notes

FILES_TAG: Final = "moothall.files"
MAX_CHARACTERS: Final = 8192
"""How long the paths of one verdict may be together: a hundred files of a patch; the event has some 800 bytes else."""


def logged_size(data: Mapping[str, Any]) -> int:
    """Return how many characters the notes in the data of an event have."""
    return sum(len(path) for name in Notes._fields for path in data.get(name) or ())


def in_log(notes: Notes, shown: Callable[[str], str]) -> dict[str, Any]:
    """Return notes as an event has them.

    Args:
        notes: The notes.
        shown: Returns a path without secrets.
    """
    lists = {name: list(paths) for name, paths in notes._asdict().items() if paths}
    if _characters(notes) > MAX_CHARACTERS:
        return {"writes": None}
    text = "\n".join(dict.fromkeys(path for paths in notes for path in paths))  # masking one text takes half of two
    return {"writes": None} if shown(text) != text else lists


def from_log(data: Mapping[str, Any]) -> Notes | None:
    """Return the notes that an event has; None where it says only that there were some."""
    lists = [data.get(name, []) for name in Notes._fields]
    if not any(lists) or not all(isinstance(each, list) for each in lists):
        return None
    return Notes(*(tuple(map(str, each)) for each in lists))


def _characters(notes: Notes) -> int:
    return sum(len(path) for paths in notes for path in paths)
