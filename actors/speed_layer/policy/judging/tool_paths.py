r"""Paths as a tool's input has them, which no shell has read before.

A tool may take more for a path than the shell does, and nobody knows which: a variable, a URL, a drive, what Windows
or macOS drop from a name (dots and blanks at its end, characters without width). Such a path is never allowed.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Final

import msgspec

from actors.speed_layer.command.paths import MAX_PATH

PLAIN: Final = re.compile(r"/?(?:\.?[A-Za-z0-9_@+-]++(?:\.[A-Za-z0-9_@+-]++)*+(?:/|\Z))++\Z")
"""As most are; the rest is looked at more closely."""
SPECIAL: Final = re.compile(
    r"[\\%`\x00-\x1f\x7f-\x9f]|\A\$|\$[({A-Z_]"  # another separator, a variable
    r"|\A\s|\s\Z"
    r"|\A[A-Za-z][A-Za-z0-9+.-]*:|::|:\$"  # a drive, a URL, another stream of a file
    r"|\A~(?!/|\Z)|~[0-9]+(?=[./]|\Z)"  # somebody's home, a short name
    r"|[^./][. ]+(?=/|\Z)|\.{3,}(?=/|\Z)|(?:\A|/)\.+ +(?=/|\Z)"  # dots and blanks at the end of a name
)
UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that nobody sees, or that have no meaning."""


NESTS: Final = (dict, list)
"""What of an input may have other values within."""


def strange(path: str) -> bool:
    """Return whether a path may mean another one than it seems to."""
    return len(path) <= MAX_PATH and _strange(path)


@lru_cache(4096)
def _strange(path: str) -> bool:
    if PLAIN.match(path):
        return False
    if SPECIAL.search(path):
        return True
    return not path.isascii() and any(unicodedata.category(each) in UNSEEN for each in path)


def texts(value: Any) -> list[str] | None:
    """Return a text or a list of texts as a list; None where it is neither, or empty."""
    if isinstance(value, str):
        return [value] if value else None
    try:
        return msgspec.convert(value, list[str]) or None
    except msgspec.ValidationError:
        return None


def paths_within(arguments: dict[str, Any], keys: tuple[str, ...]) -> list[Any]:
    """Return what objects inside the values of an input have under the keys of paths: `{"files": [{"path": ...}]}`.

    A tool may read its files there and not know the key that stands beside them.
    """
    found: list[Any] = []
    left: list[Any] = [value for value in arguments.values() if isinstance(value, NESTS)]
    names = frozenset(keys) if left else frozenset[str]()
    while left:
        within: dict[str, Any] | list[Any] = left.pop()
        if isinstance(within, dict):
            if not names.isdisjoint(within):
                found += [within[key] for key in keys if within.get(key) is not None]
            left += [value for value in within.values() if isinstance(value, NESTS)]
        else:
            left += [value for value in within if isinstance(value, NESTS)]
    return found
