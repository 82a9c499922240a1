"""Secrets made unreadable before an input enters the audit log. Pure.

A mask that misses a secret keeps it for as long as the log is kept, so what looks like one is masked: by the name it
goes by, by the form that issuers give their keys, and inside addresses. Long texts are cut, because the audit tells
what was asked and is no copy of every file that an agent writes.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

MASK: Final = "MASKED"
LONGEST: Final = 4096
"""How many characters of one text are kept."""

MOST: Final = 256
"""How many values of one input are kept."""

_NAME: Final = re.compile(
    r"(?:.*[_-])?(?:secret|token|password|passwd|passphrase|pwd|api[_-]?key|private[_-]?key|access[_-]?key|credentials?"
    r"|authorization|cookie)(?:[_-].*)?\Z",
    re.IGNORECASE,
)
_NAMED: Final = (
    r"(?i)([\w-]*(?:secret|token|passw(?:or)?d|passphrase|api[_-]?key|private[_-]?key|access[_-]?key|credential)[\w-]*"
    r"[\"']?\s*(?:=|:\s*|\s+))(\"[^\"]*\"|'[^']*'|[^\s\"'&;|]+)"
)
_KEYS: Final = (
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|\bgh[opsur]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
    r"|\bxox[abeoprs]-[\w-]{10,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}|\bnpm_[A-Za-z0-9]{30,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
)
_FORMS: Final = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {MASK}"),
    (re.compile(r"(://[^\s/:@]*:)[^\s/@]+@"), rf"\1{MASK}@"),
    (re.compile(_KEYS), MASK),
    (re.compile(_NAMED), rf"\1{MASK}"),
)


class Masked:
    """An input without its secrets.

    Args:
        value: The input: plain values.

    Attributes:
        value: What may be kept.
        whole: Whether nothing was masked or cut, so that it can be judged again.
    """

    def __init__(self, value: dict[str, Any]) -> None:
        self.whole = True
        self._left = MOST
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
            return {key: self._field(key, each) for key, each in list(fields.items())[:MOST]}
        if isinstance(value, list):
            items = cast("Any", value)
            return [self._masked(each) for each in items[:MOST]]
        return value

    def _field(self, name: str, value: Any) -> Any:
        if value and isinstance(value, str) and _NAME.match(name):
            self.whole = False
            return MASK
        return self._masked(value)

    def _text(self, text: str) -> str:
        kept = text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"
        for form, mask in _FORMS:
            kept = form.sub(mask, kept)
        if kept != text:
            self.whole = False
        return kept
