"""Paths as text: joined and normalised without touching the disk."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from actors.speed_layer.command.simple_command import UNKNOWN

MAX_PATH: Final = 4096
"""The longest path, in characters: no system opens a longer one (`PATH_MAX` of Linux, in bytes)."""
SIMPLE: Final = re.compile(
    r"[A-Za-z0-9_@%+:,=*?-][A-Za-z0-9_@%+:,=.*?-]*(?:/[A-Za-z0-9_@%+:,=*?-][A-Za-z0-9_@%+:,=.*?-]*)*\Z"
)
HOME: Final = re.compile(r"(?:/(?:home|Users)/[^/]+|/root)(?=/|\Z)")


@lru_cache(4096)
def normalised(cwd: str | None) -> str | None:
    """Return a working directory, normalised; `None` if it is unknown or longer than any."""
    return join(None, cwd) if cwd and len(cwd) <= MAX_PATH else None


def join(cwd: str | None, path: str) -> str | None:
    """Return `path` seen from `cwd`, absolute and normalised; `~` stays a first component.

    Args:
        cwd: An absolute or `~` path, `None` if unknown.
        path: Any path text; `None` comes back where its value is unknown.
    """
    if not path or UNKNOWN in path:
        return None
    if SIMPLE.match(path):
        return None if cwd is None else (cwd + path if cwd == "/" else f"{cwd}/{path}")
    root = ""
    if path.startswith("~"):
        root, _, rest = path.partition("/")
    elif path.startswith("/"):
        rest = path
    elif cwd is None:
        return None
    else:
        root, rest = _split(cwd)
        rest = f"{rest}/{path}"
    return _normalised(root, rest)


def _split(cwd: str) -> tuple[str, str]:
    """Split a directory into `~` or `~user`, if it begins so, and the rest."""
    if cwd.startswith("/"):
        return "", cwd
    root, _, rest = cwd.partition("/")
    return root, rest


def _normalised(root: str, rest: str) -> str:
    if not root and "//" not in rest and "/." not in rest and not rest.endswith("/"):
        return rest  # as most are
    parts: list[str] = []
    for part in rest.split("/"):
        if part == "..":
            if parts:
                parts.pop()
            elif root:
                return "/home"
        elif part and part != ".":
            parts.append(part)
    return f"{root}/{'/'.join(parts)}" if parts else (root or "/")
