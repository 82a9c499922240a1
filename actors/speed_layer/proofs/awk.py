"""Proves that an awk program only computes and prints, reading it token by token from left to right.

What would be read differently by different awks (a slash inside a bracket of a regular expression) is refused.
Follows the POSIX grammar of awk ("Lexical Conventions") and the gawk manual on redirection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

TOKEN: Final = re.compile(
    r"(?P<blank>(?:[ \t\r]|\\\n|#[^\n]*)+)|(?P<string>\"(?:[^\"\\\n]|\\.)*\")|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<operator>\|\||&&|\+\+|--|>>|>=|[^\"])",
    re.DOTALL,
)
REGEX: Final = re.compile(r"/(?:[^/\\\n\[]|\\[^\n]|\[\^?+\]?+(?:[^\]/\\\n]|\\[^\n/])*+\])++/")
"""Possessive throughout: a bracket that could be read in two ways would double the time, and so would the next one."""
DANGER: Final = frozenset(
    {"system", "getline", "close", "fflush", "ARGV", "ARGC", "ENVIRON", "SYMTAB", "PROCINFO", "FUNCTAB", "extension"}
)
BEFORE_REGEX: Final = frozenset(
    {"print", "printf", "return", "in", "do", "else", "case", "delete", "exit", "if", "while"}
)
HEADS: Final = frozenset({"if", "while", "for", "switch"})
CONTINUES: Final = frozenset({",", "{", "&&", "||", "do", "else"})


@dataclass(slots=True)
class _State:
    """Where in a program the reader is.

    Attributes:
        value: Whether the last token ends a value, so that a slash divides.
        last: The last token.
        heads: For every open parenthesis, whether a condition stands in it.
        printing: How many parentheses were open at the `print` of this statement, -1 without one.
    """

    value: bool = False
    last: str = "{"
    heads: list[bool] = field(default_factory=list[bool])
    printing: int = -1


def awk(text: str) -> str | None:
    """Return why an awk program may do more than compute and print, `None` if it does not."""
    state = _State()
    position = 0
    while position < len(text):
        if text[position] == "/" and not state.value:
            regex = REGEX.match(text, position)
            if regex is None:
                return f"the awk program is not understood from {text[position : position + 20]!r}"
            position, state.value, state.last = regex.end(), True, "/"
            continue
        token = TOKEN.match(text, position)
        if token is None:
            return f"the awk program is not understood from {text[position : position + 20]!r}"
        position = token.end()
        if token.lastgroup == "blank":
            continue
        word = token.group()
        if (
            word in DANGER
            or word in {"@", "|"}
            or (word in {">", ">>", ">="} and 0 <= state.printing >= len(state.heads))
        ):
            return f"the awk program may run or write something: {word!r}"
        _step(state, word, token.lastgroup or "")
    return None


def _step(state: _State, word: str, kind: str) -> None:
    last = state.last
    if kind == "name":
        state.value = word not in BEFORE_REGEX
        if word in {"print", "printf"}:
            state.printing = len(state.heads)
    elif kind in {"string", "number"}:
        state.value = True
    elif word == "(":
        state.heads.append(last in HEADS)
        state.value = False
    elif word == ")":
        state.value = not (state.heads.pop() if state.heads else True)
    else:
        state.value = word == "]" or (word in {"++", "--"} and state.value)
    if word in {";", "{", "}"} or (word == "\n" and last not in CONTINUES):
        state.printing = -1
    if word != "\n" or last not in CONTINUES:
        state.last = word
