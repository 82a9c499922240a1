"""Which files a patch changes, in the forms that `git apply` takes: a git diff or a unified diff. Pure.

Headers are looked for outside of hunks alone, which end where their own counts say, as for git. More names than git
would take do no harm; what is written in a way that is not read here is refused.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

HUNK: Final = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
NAMED: Final = re.compile(r"(?:---|\+\+\+) ([^\t]+)")
MOVED: Final = re.compile(r"(?:rename|copy) (from|to) (.+)\Z")
BOTH: Final = re.compile(r"diff --git ([^\s\"]+) ([^\s\"]+)\Z")
LINK: Final = re.compile(r"(?:new file|old|new) mode 1[26]0000\Z")
"""A link, or another repository: a later patch would write where it leads."""
NOTHING: Final = "/dev/null"
MAX_FILES: Final = 200


class Patched(NamedTuple):
    """A file that a patch changes.

    Attributes:
        path: Its path.
        creates: Whether it is a new one.
    """

    path: str
    creates: bool


def patched_files(text: str) -> list[Patched] | None:
    """Return the files that a patch changes; None where it cannot be read, or changes none, or too many."""
    found: dict[str, bool] = {}
    old = new = 0
    before = ""
    for line in text.split("\n"):
        if old > 0 or new > 0:
            old -= line[:1] in {" ", "-", ""}
            new -= line[:1] in {" ", "+", ""}
            continue
        hunk = HUNK.match(line)
        if hunk is not None:
            old, new = (int(count or 1) for count in hunk.groups())
            continue
        if LINK.match(line):
            return None
        names = _names(line)
        if names is None or len(found) > MAX_FILES:
            return None
        for name in names:
            found[name] = found.get(name, False) or (line.startswith("+++") and before == f"--- {NOTHING}")
        before = line.partition("\t")[0]
    return [Patched(*each) for each in found.items()] or None


def patch(text: str) -> tuple[str | None, list[str]]:
    """Return why a patch cannot be read, None if it can, and the files that it changes."""
    found = patched_files(text)
    return ("it is not known what the patch changes", []) if found is None else (None, [each.path for each in found])


def _names(line: str) -> list[str] | None:
    """Return the files that a header names; None where they cannot be read."""
    if line.startswith(("rename ", "copy ")):
        moved = MOVED.match(line)
        return None if moved is None or '"' in line else [moved[2]]
    if line.startswith("diff --git "):
        both = BOTH.match(line)
        return None if both is None else _stripped(*both.groups())
    named = NAMED.match(line)
    return [] if named is None else _stripped(named[1])


def _stripped(*names: str) -> list[str] | None:
    """Return names without their first folder, which stands for the side of the comparison."""
    paths = [name.rstrip("\r").partition("/")[2] for name in names if name != NOTHING]
    return paths if all(paths) and not any('"' in name for name in names) else None
