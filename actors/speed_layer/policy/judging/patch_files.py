"""The files that a patch touches, in the form that agents hand to `apply_patch`. Pure.

Codex's form: `*** Begin Patch`, then for each file a header and its lines, then `*** End Patch`. Its own reader takes
blanks around a header and skips what it does not know, so here whatever looks like a header has to be one.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal, NamedTuple

PROGRAMS: Final = frozenset({"apply_patch", "applypatch"})
HEADER: Final = re.compile(r"\*\*\* (Add File|Update File|Delete File|Move to): (\S|\S.*\S)\Z")
CREATES: Final = frozenset({"Add File", "Move to"})
BEGIN: Final = "*** Begin Patch"
END: Final = "*** End Patch"
AS_HERE_DOCUMENT: Final = re.compile(
    r"\s*(?:apply_patch|applypatch)[ \t]*<<[ \t]*(['\"])([A-Za-z_]+)\1[ \t]*\n(.*\n)\2\s*\Z", re.DOTALL
)
"""A shell line that is nothing but a patch; its quoted delimiter keeps the shell from changing it."""


class Touched(NamedTuple):
    """A file that a patch touches.

    Attributes:
        path: As the patch has it.
        access: What is done to it.
        creates: Whether it is a new one.
    """

    path: str
    access: Literal["write", "delete"]
    creates: bool = False


def patch_of(command: Any) -> str | None:
    """Return the patch that a shell tool's command is; None where it is another command."""
    if isinstance(command, list):
        words: list[Any] = command  # pyright: ignore[reportUnknownVariableType] - it comes from JSON
        match words:
            case [program, str(patch)] if program in PROGRAMS:
                return patch
            case ["bash" | "sh" | "zsh", "-c" | "-lc", str(line)]:
                return patch_of(line)
            case _:
                return None
    if not isinstance(command, str) or "*** Begin Patch" not in command:
        return None
    found = AS_HERE_DOCUMENT.match(command)
    if found is None:
        return None
    return None if f"\n{found[2]}\n" in f"\n{found[3]}" else found[3]


def touched_by(patch: str) -> list[Touched] | None:
    """Return the files that a patch touches; None where it cannot be read, or touches none."""
    lines = patch.strip().split("\n")
    if lines[0].strip() != BEGIN or lines[-1].strip() != END:
        return None
    touched: list[Touched] = []
    for line in lines[1:-1]:
        bare = line.strip()
        if line.startswith(("+", "-")) or not bare.startswith("***") or bare == "*** End of File":
            continue
        header = HEADER.match(bare)
        if header is None:
            return None
        kind = header[1]
        touched.append(Touched(header[2], "delete" if kind == "Delete File" else "write", kind in CREATES))
    return touched or None
