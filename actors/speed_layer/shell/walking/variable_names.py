"""Names of variables that commands set or forget in their own shell, whatever builtin does it."""

from __future__ import annotations

import re
from typing import Final

from actors.speed_layer.command.options import Grammar, grammar, parse
from actors.speed_layer.command.simple_command import UNKNOWN, SimpleCommand

READ: Final = grammar("-r -s -e -a= -d= -i= -n= -N= -p= -t= -u=")
MAPFILE: Final = grammar("-t -d= -n= -O= -s= -u= -C= -c=")
PRINTF: Final = grammar("-v=")
WAIT: Final = grammar("-n -f -p=")
READERS: Final[dict[str, tuple[Grammar, str, bool, tuple[str, ...]]]] = {
    "read": (READ, "-a", True, ("REPLY",)),
    "mapfile": (MAPFILE, "", True, ("MAPFILE",)),
    "readarray": (MAPFILE, "", True, ("MAPFILE",)),
    "printf": (PRINTF, "-v", False, ()),
    "wait": (WAIT, "-p", False, ()),
}
"""Builtins that name variables in an option or in their words, and what they set if none is named."""
SETTERS: Final = (*READERS, "getopts", "unset", "let")
ASSIGNED: Final = re.compile(
    r"(?<!\w)([A-Za-z_]\w*)(?:\[[^\[\]]*\])?\s*(?:=(?!=)|[-+*/%&|^]=|<<=|>>=|\+\+|--)|(?:\+\+|--)\s*([A-Za-z_]\w*)"
)
"""Assignments in arithmetic, found in time that grows with the text alone: a name begins in one place."""


def names_assigned(arithmetic: str) -> set[str]:
    """Return the names that an arithmetic expression sets."""
    return {match[1] or match[2] for match in ASSIGNED.finditer(arithmetic)}


def names_set(command: SimpleCommand) -> list[str]:
    """Return the names that one of the builtins of `SETTERS` sets or forgets.

    A name known only at run time comes back with `UNKNOWN` in it.
    """
    words = command.words
    reader = READERS.get(words[0])
    if reader is not None:
        known, option, takes_words, otherwise = reader
        return _by_option(command, known, option, words=takes_words) or list(otherwise)
    if words[0] == "getopts":
        return [*words[2:3], "OPTARG", "OPTIND"]
    if words[0] == "let":
        return sorted(names_assigned(" ; ".join(words[1:])))
    return [word for word in words[1:] if not word.startswith("-")]


def _by_option(command: SimpleCommand, known: Grammar, option: str, *, words: bool) -> list[str]:
    parsed = parse(known, command.words, 1, command.globs, posix=True)
    found = [value or UNKNOWN for name, value, _ in parsed.options if name == option]
    if words:
        found.extend(command.words[parsed.rest :])
    return [name.partition("[")[0] for name in found]
