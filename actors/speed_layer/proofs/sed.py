"""Proves that a sed script only edits the text that flows through it.

GNU sed runs programs (`e`, the `e` flag of `s`), reads and writes files (`r`, `R`, `w`, `W`, the `w` flag of `s`).
A script passes only if every command of it is read to its end and none of these is among them (sed manual, "sed
scripts").
"""

from __future__ import annotations

import re
from typing import Final

ADDRESS: Final = re.compile(r"[0-9]+(?:~[0-9]+)?|\$|\+[0-9]+|~[0-9]+")
BLANK: Final = re.compile(r"[ \t;\n]*")
PLAIN: Final = frozenset("dDgGhHnNpPxz={}F")
FLAGS: Final = re.compile(r"[gpiImM0-9]*")
LABELLED: Final = re.compile(r"[ \t]*[A-Za-z0-9_]*")


def sed(text: str) -> str | None:
    """Return why a script may do more than edit its input, `None` if it does not."""
    position = 0
    if not text:
        return "the script is empty, or the next word is one (BSD)"
    while True:
        blank = BLANK.match(text, position)
        position = blank.end() if blank else position
        if position >= len(text):
            return None
        after = _command(text, position)
        if after is None:
            return f"the sed script is not understood from {text[position : position + 20]!r}"
        position = after


def _command(text: str, position: int) -> int | None:  # noqa: PLR0911 - one case a kind of command
    position = _addresses(text, position)
    if position < 0 or position >= len(text):
        return None
    command = text[position]
    position += 1
    if command in PLAIN:
        return position
    if command in "sy":
        return _substitution(text, position, command)
    if command in "qQlL":
        number = re.compile(r"[ \t]*[0-9]*").match(text, position)
        return number.end() if number else None
    if command in "btT:":
        label = LABELLED.match(text, position)
        return label.end() if label else None
    if command in "aic":
        return _text(text, position)
    if command == "#":
        end = text.find("\n", position)
        return end if end >= 0 else len(text)
    return None


def _addresses(text: str, position: int) -> int:
    for _ in range(2):
        position = _address(text, position)
        if position < 0:
            return -1
        rest = re.compile(r"[ \t]*").match(text, position)
        position = rest.end() if rest else position
        if text[position : position + 1] != ",":
            break
        position += 1
        while text[position : position + 1] == " ":
            position += 1
    while text[position : position + 1] in {"!", " "}:
        position += 1
    return position


def _address(text: str, position: int) -> int:
    match = ADDRESS.match(text, position)
    if match:
        return match.end()
    if text[position : position + 1] == "/":
        position = _delimited(text, position + 1, "/")
    elif text[position : position + 1] == "\\" and position + 1 < len(text):
        position = _delimited(text, position + 2, text[position + 1])
    else:
        return position
    while position >= 0 and text[position : position + 1] in {"I", "M"}:
        position += 1
    return position


def _delimited(text: str, position: int, delimiter: str) -> int:
    """Return the offset behind the closing delimiter, -1 if there is none."""
    while position < len(text):
        if text[position] == "\\":
            position += 2
        elif text[position] == delimiter:
            return position + 1
        elif text[position] == "\n" and delimiter != "\n":
            return -1
        else:
            position += 1
    return -1


def _substitution(text: str, position: int, command: str) -> int | None:
    delimiter = text[position : position + 1]
    if not delimiter or delimiter in "\n\\" or delimiter.isalnum():
        return None
    bracketed = re.search(r"\[[^]]*" + re.escape(delimiter), text[position + 1 :])
    middle = _delimited(text, position + 1, delimiter)
    if middle < 0 or (
        bracketed and delimiter in "/|" and "]" in text[position + 1 :] and _bracket(text, position, middle)
    ):
        return None
    end = _delimited(text, middle, delimiter)
    if end < 0:
        return None
    flags = FLAGS.match(text, end) if command == "s" else None
    stop = flags.end() if flags else end
    return stop if text[stop : stop + 1] in {"", ";", "\n", "}", " "} else None


def _bracket(text: str, start: int, middle: int) -> bool:
    """Return whether the delimiter that ended the pattern stands inside a bracket expression."""
    pattern = re.sub(r"\\.", "", text[start + 1 : middle - 1])
    return pattern.rfind("[") > pattern.rfind("]")


def _text(text: str, position: int) -> int:
    """Skip the text of `a`, `i`, `c`: to the end of a line that does not end in a backslash."""
    while True:
        end = text.find("\n", position)
        if end < 0:
            return len(text)
        before = text[position:end]
        if (len(before) - len(before.rstrip("\\"))) % 2 == 0:
            return end
        position = end + 1
