"""Lines that list hidden files and hand them to what prints them, so that `.env` and its like are printed. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from actors.speed_layer.command.simple_command import SimpleCommand

ANY_NAME: Final = re.compile(r"(?:\./)?\*+\Z")
"""The word that stands for the names that `xargs` hands over, where nothing is known about them."""
PRINTERS: Final = frozenset(
    {"cat", "bat", "batcat", "head", "tail", "nl", "tac", "strings", "od", "xxd", "hexdump", "base64", "less", "more"}
    | {"fold", "rev", "pr", "sort", "cut", "paste"}
)
HANDS_OVER: Final = frozenset({"xargs", "gxargs"})
LISTS_HIDDEN: Final = {
    "ls": re.compile(r"-[A-Za-z0-9]*[aA]|--all|--almost-all"),
    "fd": re.compile(r"-[A-Za-z]*[Hu]|--hidden|--unrestricted"),
    "fdfind": re.compile(r"-[A-Za-z]*[Hu]|--hidden|--unrestricted"),
    "rg": re.compile(r"-[A-Za-z]*\.|--hidden|-[A-Za-z]*u[A-Za-z]*u"),
}
"""The options that make a program list hidden files."""
CHOOSES: Final = frozenset(
    {"-name", "-iname", "-path", "-ipath", "-wholename", "-regex", "-iregex", "-samefile", "-newer"}
)
"""Conditions of `find` that say which names it lists."""


def prints_hidden(commands: Sequence[SimpleCommand]) -> str | None:
    """Return why a line may print hidden files; None where it does not."""
    if not any(each.origin in HANDS_OVER and _prints(each) for each in commands):
        return None
    lister = next((each.words[0] for each in commands if _lists_hidden(each)), None)
    return (
        None
        if lister is None
        else f"prints every file that `{lister}` names, the hidden ones too: secrets may be among"
    )


def _prints(command: SimpleCommand) -> bool:
    words = command.words
    return bool(words) and words[0] in PRINTERS and any(map(ANY_NAME.match, words[1:]))


def _lists_hidden(command: SimpleCommand) -> bool:
    words = command.words
    if not words:
        return False
    if words[0] in {"find", "gfind"}:
        starts = len(words) == 1 or words[1].startswith("-") or words[1] in {".", "./"}
        return starts and CHOOSES.isdisjoint(words)
    shown = LISTS_HIDDEN.get(words[0])
    return shown is not None and any(map(shown.match, words[1:]))
