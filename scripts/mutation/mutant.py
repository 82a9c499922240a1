"""A bug: one place in one module, and the text that replaces it. Pure."""

from __future__ import annotations

from difflib import unified_diff
from typing import NamedTuple


class Mutant(NamedTuple):
    """A bug that can be put in.

    Attributes:
        module: The module's path, from the checkout.
        source: The whole module as it is.
        changed: The whole module with the bug in it.
        kind: What sort of bug it is.
        function: The qualified name of the function that it is in; empty at the top of the module or of a class.
        why: What goes wrong with it, where a person wrote it down.
        tests: The tests that must notice it, as pytest names them; empty if those that cover the function shall.
    """

    module: str
    source: str
    changed: str
    kind: str
    function: str = ""
    why: str = ""
    tests: tuple[str, ...] = ()

    @property
    def diff(self) -> str:
        """The change, as `diff -u` shows it."""
        lines = unified_diff(self.source.splitlines(), self.changed.splitlines(), self.module, self.module, "", "", 2)
        return "\n".join(line.rstrip("\n") for line in lines)

    @property
    def change(self) -> tuple[str, str]:
        """The lines that go and the lines that come, without the blanks around them.

        Where lines only come, the one that they stand before is among both.
        """
        old, new = self.source.splitlines(), self.changed.splitlines()
        first = next(number for number, (one, other) in enumerate(zip(old, new, strict=False)) if one != other)
        same = 0
        while same < min(len(old), len(new)) - first and old[-1 - same] == new[-1 - same]:
            same += 1
        same -= first == len(old) - same
        return _stripped(old[first : len(old) - same]), _stripped(new[first : len(new) - same])


def _stripped(lines: list[str]) -> str:
    return "\n".join(map(str.strip, lines))


class WrittenDown(Exception):  # noqa: N818 - a mistake in a file of ours
    """A bug or an excuse in a file does not fit the code any more."""
