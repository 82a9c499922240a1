"""Files that a command writes under names which none of its words is, so that no rule over its words names them.

The rules judge where a command may write; here it matters under which name something can be run later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from posixpath import basename, dirname
from typing import Final

from actors.speed_layer.command.paths import join
from actors.speed_layer.command.simple_command import SimpleCommand

INTO_FOLDERS: Final = frozenset({"cp", "mv", "install", "ln"})
"""Programs that take a folder by `-t`, and put what else they name into it."""
FOLDER: Final = re.compile(r"(?:-[A-Za-z]*t|--target-directory)(?:=?(.+))?\Z", re.DOTALL)
KEEPS: Final = re.compile(r"(?:-[A-Za-z]*?i|--in-place=)(.+)\Z", re.DOTALL)
"""The option of sed that keeps a file as it was: under its name with this behind it, or for each `*` of this."""
EDITORS: Final = frozenset({"sed", "gsed"})


def also_written(command: SimpleCommand, paths: Sequence[str]) -> Iterator[str]:
    """Yield the files that a command writes besides those that the rules found, absolute and normalised.

    Args:
        command: The command; it has words.
        paths: The files that it writes, as the rules found them.
    """
    program = command.words[0].rpartition("/")[2]
    if program in INTO_FOLDERS:
        found = _placed(program, command.words[1:])
    elif program in EDITORS:
        found = [dirname(path) + "/" + _kept(basename(path), suffix) for path in paths for suffix in _suffixes(command)]
    else:
        return
    for each in found:
        path = join(command.cwd, each)
        if path is not None:
            yield path


def _placed(program: str, words: Sequence[str]) -> list[str]:
    """Return what `-t` puts into a folder, and what a link is made of or called besides its words."""
    folder, operands, given = None, list[str](), iter(words)
    for word in given:
        option = FOLDER.match(word) if word[:1] == "-" else None
        if option is not None:
            folder = option[1] or next(given, None)
        elif word[:1] != "-":
            operands.append(word)
    if folder is not None:
        return [f"{folder}/{basename(each.rstrip('/'))}" for each in operands]
    if program != "ln":
        return []
    *sources, link = operands or [""]
    if not sources:
        return [basename(link.rstrip("/"))]
    return [f"{base or '.'}/{each}" for each in sources for base in (link, dirname(link)) if each[:1] != "/"]


def _suffixes(command: SimpleCommand) -> list[str]:
    return [kept[1] for kept in map(KEEPS.match, command.words[1:]) if kept is not None]


def _kept(name: str, suffix: str) -> str:
    return suffix.replace("*", name) if "*" in suffix else name + suffix
