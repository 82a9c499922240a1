"""The files that one session has written, and which of them it may not run unasked. Pure.

A file is held back from the moment that it is written until a person has approved to run it; the next write holds it
back again. Files of any name matter to whoever runs them by name, those with well-known names (a Makefile, a
`package.json`) to the programs that take them for their rules.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final, NamedTuple

from actors.speed_layer.policy.matching import code_files
from actors.speed_layer.policy.ruling import Files

MAX_FILES: Final = 2000
"""How many files of a session are known, some 300 bytes each: an agent writes some hundred in a day.

The oldest is forgotten then, and all that runs files is asked about in this session from then on.
"""
MAX_ROOTS: Final = 64
"""How many checkouts of a session are known; what was written in others is compared with none."""
MANY: Final = re.compile(r"[*?\[]")
BELOW: Final = "/**"
PYTHONS_OWN: Final = "python's own"
"""Beside the titles of `code_files.TABLES`: files that Python may import in place of what is its own."""


class Earlier(NamedTuple):
    """The request that wrote a file.

    Attributes:
        tool: The tool that it named.
        request: Its hash.
    """

    tool: str
    request: str


class Held(NamedTuple):
    """What a request may not run unasked.

    Attributes:
        path: The file; empty where it is not known which it is.
        by: The request that wrote it; None where that is not known.
        named: Whether the request names it, rather than takes it for its rules.
    """

    path: str
    by: Earlier | None
    named: bool


class SessionFiles:
    """What a session has written.

    Attributes:
        lost: Whether it has written more than is known here.
    """

    def __init__(self) -> None:
        self.lost = False
        self._files: dict[str, Earlier | None] = {}  # None: a person has approved it as it is
        self._wide: dict[str, Earlier | None] = {}  # patterns and folders
        self._rules: dict[str, frozenset[str]] = {}
        self._approved: set[str] = set()
        self._roots: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._files) + len(self._wide)

    def note(self, path: str, by: Earlier | None) -> None:
        """Note that a request has written a file, or files by a pattern.

        Args:
            path: The file; a pattern, or `folder/**`.
            by: The request; None where nothing is held back yet (an empty file was made).
        """
        if MANY.search(path):
            self._wide.pop(path, None)
            self._wide[path] = by
            again = [each for each in self._approved if _may_be(path, each)] if by is not None else []
            self._files |= dict.fromkeys(again, by)
            self._approved -= {*again, path}
        else:
            self._files.pop(path, None)
            self._files[path] = by
            if by is None:
                self._approved.add(path)
            else:
                self._approved.discard(path)
            titles = _titles(path.rpartition("/")[2])
            if code_files.stands_for_pythons_own(path, _folder(path)):
                titles |= {PYTHONS_OWN}
            if titles:
                self._rules[path] = titles
        if len(self) > MAX_FILES:
            self._forget_one()

    def worked_in(self, root: str) -> None:
        """Note that something was written by a request that works in a checkout."""
        self._roots[root] = None
        if len(self._roots) > MAX_ROOTS:
            del self._roots[next(iter(self._roots))]

    def knows(self, path: str) -> bool:
        """Return whether the session has created a file."""
        return path in self._files or path in self._wide or any(_may_be(each, path) for each in self._wide)

    def held(self, files: Files) -> Held | None:
        """Return what keeps a request from being run unasked; None if nothing does."""
        return next(self._all_held(files), None)

    def all_held(self, files: Files) -> list[Held]:
        """Return all that keeps a request from being run unasked."""
        return list(self._all_held(files))

    def approve(self, seen: Collection[Held]) -> list[str]:
        """Take it that a person has approved what was held back when they were asked; return the files.

        Not those that another request has written since: these nobody has seen.
        """
        found = [each.path for each in seen if each.path and self._writer(each.path) is each.by]
        self.approve_all(found)
        return found

    def approve_all(self, paths: Collection[str]) -> None:
        """Take it that a person has approved files."""
        self._files |= dict.fromkeys(paths)
        self._approved.update(paths)

    def _all_held(self, files: Files) -> Iterator[Held]:
        for path in files.runs:
            by = self._writer(path)
            if by is not None:
                yield Held(path, by, named=True)
            elif path not in self._files:
                twin = self._elsewhere(path, files.root)
                if twin is not None:
                    yield twin
                elif self.lost:
                    yield Held(path, None, named=True)
        for path, titles in self._rules.items():
            by = self._files[path]
            if by is not None and _takes(files, path, titles):
                yield Held(path, by, named=False)
        if self.lost and (files.tables or files.imports):
            yield Held("", None, named=False)
        if files.more:
            yield from (Held(path, by, named=False) for path, by in self._files.items() if by is not None)

    def _writer(self, path: str) -> Earlier | None:
        """Return the request that wrote a file which nobody has approved since."""
        if path in self._files:
            return self._files[path]
        wide = (by for each, by in self._wide.items() if by is not None and _may_be(each, path))
        many = (by for each, by in self._files.items() if by is not None and fnmatchcase(each, path))
        return next(wide, None) or (next(many, None) if MANY.search(path) else None)

    def _elsewhere(self, path: str, root: str) -> Held | None:
        """Return what holds back a file that was written at the same place of another checkout.

        What was committed there comes to this one by git: a worktree is added, a branch is merged.
        """
        if not path.startswith(root + "/"):
            return None
        twins = (other + path[len(root) :] for other in self._roots if root and other != root)
        return next((Held(each, by, named=True) for each in twins if (by := self._files.get(each)) is not None), None)

    def _forget_one(self) -> None:
        self.lost = True
        oldest = self._wide if len(self._wide) > len(self._files) else self._files
        path = next(iter(oldest))
        del oldest[path]
        self._approved.discard(path)
        self._rules.pop(path, None)


def _takes(files: Files, path: str, titles: frozenset[str]) -> bool:
    if not titles.isdisjoint(files.tables):
        return True
    return PYTHONS_OWN in titles and any(code_files.stands_for_pythons_own(path, cwd) for cwd in files.imports)


@lru_cache(4096)
def _titles(name: str) -> frozenset[str]:
    """Return which programs may take a file for their rules, by the titles of the tables that have its name."""
    return frozenset(table.title for table in code_files.TABLES if table.has(name))


def _folder(path: str) -> str:
    """Return the folder from which Python would import a file, if it did; that of a package is above it."""
    return path.removesuffix("/__init__.py").rpartition("/")[0]


def _may_be(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-2]) if pattern.endswith(BELOW) else fnmatchcase(path, pattern)
