"""What agents wrote, on a terminal that is narrower: a line that goes on is told from one that begins.

A terminal goes on at its first column, where the hall's own lines begin. So long lines are folded here, and what goes
on stands behind a bar that no line of the hall begins with.
"""

from __future__ import annotations

import shutil
import sys
from typing import Final, TextIO

BAR: Final = "    | "
NARROWEST: Final = 20
"""A terminal with fewer columns is taken to have so many: a character or two a line could not be read."""


def show(text: str, file: TextIO | None = None) -> None:
    """Print lines, folded to the terminal where there is one."""
    out = file if file is not None else sys.stdout
    columns = shutil.get_terminal_size().columns if out.isatty() else None
    for line in text.split("\n"):
        print(line if columns is None else folded(line, columns), file=out)


def folded(line: str, columns: int) -> str:
    """Return a line in as many as it takes, none wider than so many columns."""
    columns = max(columns, NARROWEST)
    if line.isascii() and len(line) <= columns:
        return line
    first = (_chopped(line, columns) or [""])[0]
    return "\n".join([first, *(BAR + each for each in _chopped(line[len(first) :], columns - len(BAR)))])


def _chopped(text: str, columns: int) -> list[str]:
    """Return a text in parts none of which is wider than so many columns; nothing of it is lost."""
    from rich.cells import chop_cells  # noqa: PLC0415 - few lines are so long

    parts = chop_cells(text, columns) if text else []
    if "".join(parts) == text:
        return parts
    most = columns // 2  # rich drops what has no width where a text begins; no character is wider than two columns
    return [text[place : place + most] for place in range(0, len(text), most)]
