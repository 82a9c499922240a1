"""Secrets made unreadable before an input enters the audit log. Pure.

A mask that misses a secret keeps it for as long as the log is kept, so what looks like one is masked: by the name it
goes by, by the form that issuers give their keys, and inside addresses. Long texts are cut, because the audit tells
what was asked and is no copy of every file that an agent writes.

This runs on the loop, over texts that agents choose, so it has to take time in proportion to their length. That is why
quantifiers are possessive where they can be, and why names are looked for a word at a time: one expression that allows
for anything in front of the name would try each place in a long word with each other one.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

MASK: Final = "MASKED"
MAX_TEXT: Final = 4096
"""How many characters of one text are kept: any command, the beginning of a file. Masking so many takes 0.5 ms."""

MAX_TEXT_IN_ALL: Final = 16 * MAX_TEXT
"""How many characters of all texts of one input are kept: masking so many takes 11 ms if all look like secrets."""

MAX_VALUES: Final = 256
"""How many values of one input are kept: masking so many takes 0.5 ms."""

_NAME: Final = re.compile(
    r"(?:\A|[_-])(?:secret|token|password|passwd|passphrase|pwd|api[_-]?key|private[_-]?key|access[_-]?key|credentials?"
    r"|authorization|cookie)(?:[_-]|\Z)",
    re.IGNORECASE,
)
_KEYS: Final = (
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|\bgh[opsur]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
    r"|\bxox[abeoprs]-[\w-]{10,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}|\bnpm_[A-Za-z0-9]{30,}"
)
_KEYS_BEGIN: Final = (
    "sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "gho_", "ghp_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xox",
    "akia", "asia", "aiza", "npm_",
)  # fmt: skip
_PEM: Final = r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
_FORMS: Final = (
    (("-----begin ",), re.compile(_PEM, re.DOTALL), MASK),
    (("bearer", "basic"), re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {MASK}"),
    (("://",), re.compile(r"(://[^\s/:@]*:)[^\s/@]+@"), rf"\1{MASK}@"),
    (_KEYS_BEGIN, re.compile(_KEYS), MASK),
)
"""Forms of secrets, behind the texts in small letters of which one is in every text with a secret of that form.

A search for those takes a hundredth of the time, and most texts have none of them.
"""

_HINTS: Final = ("secret", "token", "passw", "passphrase", "key", "credential", "eyj")
"""One of these is in every text that holds a secret by name, or a signed token."""

_WORD: Final = re.compile(r"[\w-]++")
_SECRET: Final = re.compile(
    r"secret|token|passw(?:or)?d|passphrase|api[_-]?key|private[_-]?key|access[_-]?key|credential", re.IGNORECASE
)
_VALUE: Final = re.compile(
    r"(?P<between>[\"']?(?:\s*+[=:>]{1,3}+\s*+|\s++))(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^\s\"'&;|]++)"
)
_SIGNED: Final = re.compile(r"\beyJ[\w-]{8,}")
_SIGNATURE: Final = re.compile(r"\.[\w-]{8,}+\.[\w-]*+")


class Masked:
    """An input without its secrets.

    Args:
        value: The input: plain values.

    Attributes:
        value: What may be kept.
        whole: Whether nothing was masked or cut, so that it can be judged again.
        size: How many characters were looked at.
    """

    def __init__(self, value: dict[str, Any]) -> None:
        self.whole = True
        self.size = 0
        self._left = MAX_VALUES
        self.value = self._masked(value)

    def _masked(self, value: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            self.whole = False
            return None
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            return {key: self._field(key, each) for key, each in list(fields.items())[:MAX_VALUES]}
        if isinstance(value, list):
            items = cast("Any", value)
            return [self._masked(each) for each in items[:MAX_VALUES]]
        return value

    def _field(self, name: str, value: Any) -> Any:
        if value and isinstance(value, str) and _NAME.search(name):
            self.whole = False
            return MASK
        return self._masked(value)

    def _text(self, text: str) -> str:
        most = max(0, min(MAX_TEXT, MAX_TEXT_IN_ALL - self.size))
        kept = text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
        self.size += len(kept)
        folded = kept.casefold() if kept.isascii() else ""  # other letters may pass for those, each in its own way
        for hints, form, mask in _FORMS:
            if not folded or _any_in(folded, hints):
                kept = form.sub(mask, kept)
        if not folded or _any_in(folded, _HINTS):
            kept = _unnamed(kept)
        if kept != text:
            self.whole = False
        return kept


def _any_in(text: str, hints: tuple[str, ...]) -> bool:
    for hint in hints:  # noqa: SIM110 - a generator takes three times as long
        if hint in text:
            return True
    return False


def _unnamed(text: str) -> str:
    """Mask what stands behind a name that secrets have, and signed tokens (RFC 7519)."""
    kept: list[str] = []
    end = 0
    word = _WORD.search(text)
    while word is not None:
        following = word.end()
        if (signed := _SIGNED.search(word[0])) and (rest := _SIGNATURE.match(text, following)):
            kept += text[end : word.start() + signed.start()], MASK
            end = following = rest.end()
        elif _SECRET.search(word[0]) and (value := _VALUE.match(text, following)):
            kept += text[end : value.end("between")], MASK
            end = following = value.end()
        word = _WORD.search(text, following)
    return "".join([*kept, text[end:]])
