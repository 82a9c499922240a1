"""Looks for all forms of secrets at once (`secret_forms.py`), and masks what it finds. Pure.

This runs on the loop, over texts that agents choose, so it has to take time in proportion to their length. One pass of
RE2 over a text, for all forms at once, says which of them are in it: none in most, and then nothing else is done. That
takes a fourteenth of the time of looking for each by itself (66 against 980 us for 3,900 characters of code, on a busy
machine of two cores).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Final

import re2

from actors.speed_layer.audit.secret_forms import KEYS, PLACES

_RE2: Final[Any] = re2
MASK: Final = "MASKED"

MAX_SECRETS: Final = 512
"""How many secrets of one input are masked one by one, at some 5 us each; of a text with more nothing is kept."""


class Forms:
    """All forms of secrets in one automaton, and each by itself for what is found."""

    def __init__(self) -> None:
        self._each: dict[int, Any] = {}
        self._forms = [("", ""), *PLACES, *((_behind_underscores(form), "") for form in KEYS.values())]
        self._set: Any = _RE2.Set.SearchSet(_options())
        for form, _ in self._forms:
            self._set.Add(form)
        self._set.Compile()

    def masked(self, text: str, secrets: list[str]) -> str:
        """Return a text without its secrets, which are added to a list, as long as that is; beyond, nothing is kept."""
        encoded = text.encode("utf-8", "replace")
        found: Sequence[int] = self._set.Match(encoded) or range(
            len(self._forms)
        )  # the empty form is in each, unless memory ran out
        if found == [0]:
            return text
        for index in sorted(found):
            if index:
                encoded = self._without(index, encoded, secrets)
        return encoded.decode("utf-8", "replace")

    def _without(self, index: int, text: bytes, secrets: list[str]) -> bytes:
        form, keeps = self._forms[index]
        if index not in self._each:
            self._each[index] = _RE2.compile(form.encode(), _options())
        kept: list[bytes] = []
        end = 0
        for found in self._each[index].finditer(text):
            if len(secrets) >= MAX_SECRETS:
                return MASK.encode()
            start = found.end(1) if keeps else found.start()
            kept += text[end:start], MASK.encode()
            end = found.end()
            if text[start:end] != MASK.encode():
                secrets.append(text[start:end].decode("utf-8", "replace"))
        return b"".join([*kept, text[end:]])


def _behind_underscores(form: str) -> str:
    """Return the form of a key that begins a word or, unlike RE2 has it, stands behind an underscore."""
    return rf"(?:\b|_){form[2:]}" if form.startswith(r"\b") else form


def _options() -> Any:
    options = _RE2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20  # an upper bound: what is taken grows with the texts, by some 100 KB
    return options


@cache
def prepare() -> Forms:
    """Compile all forms, once a process: that takes some 5 ms, so it is done when the first verdict is to be stored."""
    return Forms()


@lru_cache(maxsize=256)
def without_forms(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a short text without its secrets, and these: reasons, tools and directories come again and again."""
    secrets: list[str] = []
    return prepare().masked(text, secrets), tuple(secrets)
