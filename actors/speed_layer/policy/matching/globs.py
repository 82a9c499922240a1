"""Globs over paths and names, compiled into one re2 set."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import re2 as untyped_re2

re2: Any = untyped_re2  # the package has no type information
QUIET: Final[Any] = re2.Options()
QUIET.log_errors = False  # what is wrong is raised
HOMES: Final = r"(?:~[^/]*|/home/[^/]+|/Users/[^/]+|/root)"


def pattern(glob: str) -> str:
    """Return a glob as a regular expression over whole strings.

    `*` and `?` stay within a path component, `**/` is any number of components, `**` at the end anything, `{a,b}`
    is either, `~` any home directory.
    """
    text, position = "", 0
    depth = 0
    if glob.startswith("~"):
        text, position = HOMES, 1
    while position < len(glob):
        character = glob[position]
        if glob.startswith("**/", position):
            text += "(?:.*/)?"
            position += 3
            continue
        if glob.startswith("**", position):
            text += ".*"
            position += 2
            continue
        if character == "\\" and position + 1 < len(glob):
            text += re.escape(glob[position + 1])
            position += 2
            continue
        depth += (character == "{") - (character == "}")
        text += {"*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}.get(character) or (
            "|" if character == "," and depth else re.escape(character)
        )
        position += 1
    return text


def any_glob(globs: Sequence[str]) -> Callable[[str], bool]:
    """Return what says whether a whole text matches one of some globs, in time that grows with the text alone.

    Raises:
        ValueError: One of them cannot be compiled.
    """
    return whole("|".join(map(pattern, globs)) or r"[^\x00-\x{10FFFF}]")


def whole(expression: str) -> Callable[[str], bool]:
    """Return what says whether a whole text matches a regular expression, in time that grows with the text alone.

    Raises:
        ValueError: It is none of re2's, which knows neither what stands around nor what was found before.
    """
    try:
        compiled = re2.compile(f"(?s:{expression})", QUIET)
    except re2.error as error:
        raise ValueError(f"not a regular expression of re2: {said(error)}") from error

    def matches(text: str) -> bool:
        return compiled.fullmatch(text) is not None

    return matches


def said(error: Exception) -> str:
    """Return what an error of re2 says, which may be bytes."""
    what = error.args[0] if error.args else ""
    return what.decode("utf-8", "replace") if isinstance(what, bytes) else str(error)


class GlobSet:
    """Many globs, matched at once.

    Args:
        globs: The globs.
        case: Whether capitals differ from small letters.
    """

    def __init__(self, globs: list[str], *, case: bool = False) -> None:
        options = re2.Options()
        options.case_sensitive = case
        options.dot_nl = True
        self._set = re2.Set.FullMatchSet(options) if globs else None
        if self._set is not None:
            for glob in globs:
                self._set.Add(pattern(glob))
            self._set.Compile()

    def matches(self, text: str) -> list[int]:
        """Return the indexes of the globs that match the whole text."""
        if self._set is None:
            return []
        found: list[int] | None = self._set.Match(text)
        return found or []
