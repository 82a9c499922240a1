r"""The paths of a request to judge: what is no path of this machine is refused before anybody judges or shows it.

A working directory is what a verdict and an approval hold for, and what a person is shown. Written in more ways than
one, it would be another directory to the cache and to a remembered decision; with a line break in it, another line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

MOST_PATH_BYTES: Final = 4096
"""How long a path may be, in bytes: Linux takes no longer one (`PATH_MAX`), so it names no file."""

_ANY: Final = r"[^/\u0000-\u001f\u007f-\u009f\u2028\u2029]"
_NO_DOT: Final = _ANY.replace("[^/", "[^./")
DIRECTORY: Final = rf"^(?:/|(?:/(?:{_NO_DOT}|\.{_NO_DOT}|\.\.{_ANY}){_ANY}*)+)$"
"""An absolute path without empty parts, `.`, `..`, control characters and line breaks.

It looks neither ahead nor back, since not every client's expressions can. It takes time in proportion to a path.
"""

_DIRECTORY: Final = re.compile(DIRECTORY)
_PATHS: Final = frozenset({"file_path", "notebook_path", "path"})
_SURELY_SHORT: Final = MOST_PATH_BYTES // 4
"""So many characters have no more than `MOST_PATH_BYTES` bytes, whichever they are."""


def check_paths(
    cwd: str | None,
    arguments: dict[str, Any],
    scripts: Iterable[str] | None = None,
    existing: Iterable[str] | None = None,
) -> None:
    """Make sure that a request's paths can be paths. Does not checkpoint.

    Args:
        cwd: Its working directory; None if unknown.
        arguments: The tool's input.
        scripts: The files that it runs.
        existing: The files that are there.

    Raises:
        ValueError: They cannot.
    """
    if not _PATHS.isdisjoint(arguments):
        for name in _PATHS:
            if isinstance(path := arguments.get(name), str) and _too_long(path):
                raise ValueError(f"{name!r} has more than {MOST_PATH_BYTES} bytes, and no file's path has")
    for path in (*(scripts or ()), *(existing or ())):
        if not _is_path(path):
            raise ValueError(
                "a path of 'scripts' or 'existing' is absolute, without `.`, `..`, empty parts and control characters, "
                f"of no more than {MOST_PATH_BYTES} bytes"
            )
    if cwd is not None and not _is_path(cwd):
        raise ValueError(
            "'cwd' is an absolute path without `.`, `..`, empty parts and control characters, of no more than "
            f"{MOST_PATH_BYTES} bytes, or it is left out"
        )


def _too_long(path: str) -> bool:
    return len(path) > _SURELY_SHORT and len(path.encode()) > MOST_PATH_BYTES


def _is_path(path: str) -> bool:
    return len(path) <= MOST_PATH_BYTES and _is_normal(path)  # what is longer is not kept


@lru_cache(maxsize=256)
def _is_normal(path: str) -> bool:
    return (
        not _too_long(path) and _DIRECTORY.fullmatch(path) is not None
    )  # else `$` would let a newline stand behind it
