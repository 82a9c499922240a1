"""Brace expansion of constants, as bash does it before anything else: `a{b,c}d` is `abd acd`, `{1..3}` is `1 2 3`.

Only words without quotes, escapes and expansions are looked at, so that the text is what bash sees. The rules are those
of the bash manual ("Brace Expansion"); letters of both cases in one sequence are left out and stay unproved.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

MAX_WORDS: Final = 64
"""Words that one word may become. Each pair of braces multiplies them, so `{1..9999}{1..9999}` must end here."""
MAX_LENGTH: Final = 256
"""Length of words that are looked at; each pair of braces is a level of recursion."""
SEQUENCE: Final = re.compile(
    r"(?:(-?[0-9]{1,5})\.\.(-?[0-9]{1,5})|(?=[a-z]\.\.[a-z]|[A-Z]\.\.[A-Z])([A-Za-z])\.\.([A-Za-z]))(?:\.\.(-?[0-9]{1,4}))?\Z"
)
PADDED: Final = re.compile(r"-?0[0-9]")
"""A number that is written with zeros in front: then all of the sequence have as many characters."""
TEXT: Final = re.compile(r"[A-Za-z0-9_@%+:,./^~#*?={}\[\]-]+")


def expand_braces(text: str) -> list[str] | None:
    """Return the words that `text` becomes, `[text]` if nothing expands, `None` if what happens is not certain."""
    if len(text) > MAX_LENGTH or not TEXT.fullmatch(text):
        return None
    found = _expand(text)
    return found if found is not None and all(found) else None


def _expand(text: str) -> list[str] | None:
    start = text.find("{")
    if "}" in (text if start < 0 else text[:start]):
        return None
    if start < 0:
        return [text]
    if text.startswith("{}", start):
        behind = _expand(text[start + 2 :]) if start + 2 < len(text) else [""]
        return None if behind is None else [text[: start + 2] + one for one in behind]
    close, commas = _matching(text, start)
    if close < 0:
        return None
    middle = _choices(text, start, close, commas)
    behind = _expand(text[close + 1 :]) if close + 1 < len(text) else [""]
    if middle is None or behind is None or len(middle) * len(behind) > MAX_WORDS:
        return None
    return [text[:start] + one + rest for one in middle for rest in behind]


def _matching(text: str, start: int) -> tuple[int, list[int]]:
    """Return where the brace at `start` closes, -1 if nowhere, and the commas directly inside it."""
    depth, commas = 0, list[int]()
    for index in range(start, len(text)):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index, commas
        elif text[index] == "," and depth == 1:
            commas.append(index)
    return -1, commas


def _choices(text: str, start: int, close: int, commas: list[int]) -> list[str] | None:
    """Return what stands in for one pair of braces; without a choice they stay as they are."""
    inside = text[start + 1 : close]
    if not commas:
        if ".." in inside:
            return _sequence(inside)
        return None if "{" in inside else ["{" + inside + "}"]
    found: list[str] = []
    edges = [start, *commas, close]
    for left, right in pairwise(edges):
        part = _expand(text[left + 1 : right]) if right > left + 1 else [""]
        if part is None or len(found) + len(part) > MAX_WORDS:
            return None
        found.extend(part)
    return found


def _sequence(inside: str) -> list[str] | None:
    match = SEQUENCE.match(inside)
    if match is None:
        return None
    numbers = match[1] is not None
    first, last = (int(match[1]), int(match[2])) if numbers else (ord(match[3]), ord(match[4]))
    by = abs(int(match[5] or 1)) or 1
    if abs(last - first) // by >= MAX_WORDS:
        return None
    found = range(first, last + 1, by) if last >= first else range(first, last - 1, -by)
    if not numbers:
        return [chr(one) for one in found]
    width = max(len(match[1]), len(match[2])) if PADDED.match(match[1]) or PADDED.match(match[2]) else 0
    return [f"{one:0{width}d}" for one in found]
