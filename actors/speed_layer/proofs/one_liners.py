"""Proves that a line of JavaScript, or of Perl, only reads and prints: by the few shapes that such lines have."""

from __future__ import annotations

import re
from typing import Final

MAX_LENGTH: Final = 400
"""Length of the longest code that is looked at, blanks counted once: the patterns have many of them side by side."""
_NAME: Final = r"[A-Za-z_$][\w$]*"
_TEXT: Final = r"(?:'[^'\\\n]*'|\"[^\"\\\n]*\")"
_CHAIN: Final = rf"(?:\??\.{_NAME}|\[(?:{_TEXT}|[0-9]+)\])*"
_ATOM: Final = (
    rf"(?:require\((?P<quote>['\"])(?P<path>(?:\.{{1,2}}/)+[\w@./-]+\.json)(?P=quote)\)"
    rf"|process\.(?:version|versions|platform|arch|uptime\(\)|cwd\(\))|[0-9]+(?:\.[0-9]+)?|{_TEXT}){_CHAIN}"
)
_WRAPPED: Final = r"(?:(?:JSON\.stringify|Object\.(?:keys|values|entries)|String|typeof)\()?"
_VALUE: Final = rf"{_WRAPPED}\s*{_ATOM}(?:\s*,\s*(?:null|[0-9]+))*\s*\)?"
JAVASCRIPT: Final = re.compile(rf"\s*(?:console\.log\()?\s*{_VALUE}(?:\s*\|\|\s*{_TEXT})?\s*\)?\s*;?\s*\Z")
SUM: Final = re.compile(r"[\s0-9.+*/%()-]+\Z")

_PATTERN: Final = r"(?:[^/\\\n@${(]|\\[^\n]|\$(?=/)|\((?!\?\??\{))*"
_MATCH: Final = rf"/{_PATTERN}/[imsxg]*"
_STRING: Final = r"(?:\"(?:[^\"\\@$\n]|\\[nt\"\\]|\$[0-9_&.])*\"|'[^'\\\n]*')"
_PRINTED: Final = rf"(?:\s*(?:\$[_&0-9.]|\$\w+|{_STRING})(?:\s*[.,]\s*(?=[\"'$]))?)*"
PERL: Final = re.compile(
    rf"\s*(?:(?:s/{_PATTERN}/(?:[^/\\\n@$]|\\[^\n]|\$[0-9&])*/[gimsx]*|print{_PRINTED}|next|last)"
    rf"(?:\s+(?:if|unless)\s+(?:{_MATCH}|\$\.\s*[<>=!]=?\s*[0-9]+))?\s*(?:;\s*|\Z))+\Z"
)


def javascript_reads(text: str) -> tuple[str | None, list[str]]:
    """Return why JavaScript may do more than print a value, `None` if it does not, and the files that it reads."""
    plain = " ".join(text.split())
    if SUM.match(plain):
        return None, []
    found = JAVASCRIPT.match(plain) if len(plain) <= MAX_LENGTH else None
    if found is None:
        return "the JavaScript is not known to only read and print", []
    return None, [found["path"]] if found["path"] else []


def perl(text: str) -> str | None:
    """Return why a line of Perl may do more than print or change the line that it reads."""
    plain = " ".join(text.split())
    return None if len(plain) <= MAX_LENGTH and PERL.match(plain) else "the Perl is not known to only read and print"
