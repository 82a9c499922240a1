"""What the words of an allowed command may be, by position.

A pattern is a row of kinds: `any read*` is one word of any sort, then any number of files that are read. `*` stands
for none or more, `+` for one or more, `?` for none or one. Kinds are `any`, the file kinds of `ACCESSES` (`inside` is
code or a setting, which must lie in the workspace, `either` the same where it may be written too; a `dir` is what later
paths are relative to; `selected` is a glob that files are picked by, or left out by if it begins with `!`; `made` is
written by a compiler or a packer, so no source file; an `object` is a revision, a path, or `REVISION:PATH`), and the
checks of the folder `proofs`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Final

from actors.speed_layer.policy.matching.path_rules import Access
from actors.speed_layer.proofs.argument_values import ARGUMENT_CHECKS
from actors.speed_layer.proofs.build_tool_values import BUILD_TOOL_CHECKS
from actors.speed_layer.proofs.cloud_verbs import PHRASE_CHECKS, WORD_CHECKS
from actors.speed_layer.proofs.everyday_tasks import package_task, script, task
from actors.speed_layer.proofs.one_liners import javascript_reads, perl
from actors.speed_layer.proofs.patch import patch
from actors.speed_layer.proofs.python_code import python_reads
from actors.speed_layer.proofs.sed import sed

ACCESSES: Final[dict[str, Access]] = {
    "read": "read",
    "write": "write",
    "delete": "delete",
    "inside": "read",
    "either": "write",
    "dir": "read",
    "one-file": "write",
    "into": "write",
    "moved": "write",
    "beside": "write",
    "stem": "write",
    "made": "write",
    "selected": "read",
    "object": "read",
}
INSIDE: Final = frozenset({"inside", "either", "dir", "object"})
CHECKS: Final[dict[str, Callable[[str], str | None]]] = {
    **ARGUMENT_CHECKS,
    **BUILD_TOOL_CHECKS,
    **WORD_CHECKS,
    "sed": sed,
    "task": task,
    "package-task": package_task,
    "perl": perl,
    "script": script,
}
CODE: Final[dict[str, Callable[[str], tuple[str | None, list[str]]]]] = {
    "python": python_reads,
    "javascript": javascript_reads,
}
"""Kinds of words that are code which may read files: the files are judged too."""
WRITTEN_BY: Final[dict[str, Callable[[str], tuple[str | None, list[str]]]]] = {"patch": patch}
"""Kinds of texts that say which files are changed, from the top of the repository: they are judged as written."""
PROGRAMS: Final = frozenset({"awk", "jq", "yq", "sql", "sed", "mongo", "perl", *CODE})
"""Kinds of words that are programs in other languages, read character by character."""
Pattern = tuple[tuple[str, str], ...]


def is_kind(name: str) -> bool:
    """Return whether a rule may use this kind."""
    known: tuple[Collection[str], ...] = ({"any", "pair"}, ACCESSES, CHECKS, CODE, WRITTEN_BY, PHRASE_CHECKS)
    return any(name in kinds for kinds in known)


@lru_cache(1024)
def pattern(text: str) -> Pattern:
    """Read a row of kinds.

    Raises:
        ValueError: A kind does not exist, or two kinds take any number of words.
    """
    found: list[tuple[str, str]] = []
    for token in text.split():
        count = token[-1] if token[-1] in "*+?" else ""
        kind = token.removesuffix(count) if count else token
        if not is_kind(kind):
            raise ValueError(f"{kind!r} is not a kind of word")
        found.append((kind, count))
    if sum(count in {"*", "+"} for _, count in found) > 1:
        raise ValueError("only one kind may take any number of words")
    return tuple(found)


def is_free(row: Pattern) -> bool:
    """Return whether a row takes any words at all."""
    return row == (("any", "*"),)


@lru_cache(4096)
def assign(row: Pattern, count: int) -> tuple[str, ...] | None:
    """Return the kind of each of `count` words, `None` if the row does not fit them."""
    if len(row) == 1 and row[0][1] == "*":
        return (row[0][0],) * count
    least = sum(1 for _, repeat in row if repeat in {"", "+"})
    spare = count - least
    if spare < 0:
        return None
    kinds: list[str] = []
    for kind, repeat in row:
        if repeat in {"", "+"}:
            kinds.append(kind)
        if repeat == "?" and spare:
            kinds.append(kind)
            spare -= 1
        if repeat in {"*", "+"}:
            later = sum(1 for _, other in row[row.index((kind, repeat)) + 1 :] if other == "?")
            extra = max(0, spare - later)
            kinds.extend([kind] * extra)
            spare -= extra
    return tuple(kinds) if spare == 0 else None
