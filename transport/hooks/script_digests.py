"""What the files hold that a shell command runs: their SHA-256, so that an approval is for this content and no other.

A hook runs on the agent's machine, as its user, just before the command does, so it can look. It finds more rather
than less: a file that is named and only read costs a second approval when it changes, one that is missed runs with
another content than was approved. What it does not see (`cd` to a computed place, a script that runs others, a change
between this look and the run) is as it was without it. The server never takes a digest for a reason to allow.
"""

from __future__ import annotations

import os
import re
import stat

from transport.hooks.tool_table import keys_of

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

MOST_FILES: Final = 8
"""How many files are looked at: more than a line runs that a person would approve."""

MOST_SCRIPT_BYTES: Final = 4 << 20
"""How large a file may be, in bytes: hashing so many takes 10 ms; of a larger one it is said that it was not read."""

MOST_CHARACTERS: Final = 64 * 1024
"""How long a line is taken apart; of a longer one nobody approves what they have not read."""

_NESTED: Final = 3
"""How deep lines within lines are looked at, as in `bash -c "sh -c ./x"`."""

_INTERPRETERS: Final = re.compile(
    r"(?:source|(?:ba|da|z|k|fi|a)?sh|busybox|python[\d.]*|pypy[\d.]*|node|nodejs|bun|deno|tsx|ruby[\d.]*|perl[\d.]*"
    r"|php[\d.]*|lua[\d.]*|tclsh|expect|osascript|pwsh|rscript)\Z",
    re.IGNORECASE,
)
_SOURCED: Final = re.compile(r"(?:\A|[;&|({\n])\s*+\.\s")
_WORDS: Final = re.compile(r"(?:[^\s;&|()<>'\"\\]|\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\")+", re.DOTALL)
_QUOTES: Final = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)", re.DOTALL)


def with_scripts(question: dict[str, Any]) -> dict[str, Any]:
    """Return a question to the hall together with what the files hold that the command runs, if it runs any.

    Args:
        question: The body of `POST /v1/validate`.

    Raises:
        OSError: The table of tools cannot be read.
    """
    cwd: Any = question.get("cwd")
    if not isinstance(cwd, str) or not cwd.startswith("/"):
        return question
    keys = keys_of(question["tool"])
    command = command_of(question["input"], keys.command) if keys is not None and keys.act == "shell" else None
    if command is None:
        return question
    scripts: dict[str, str | None] = {}
    for path in _run_by(command, cwd):
        if path in scripts:
            continue
        if len(scripts) == MOST_FILES:
            scripts[path] = None
            break
        scripts[path] = _digest(path)
    return {**question, "scripts": scripts} if scripts else question


def command_of(given: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    """Return the command line that a shell tool's input holds, no longer than it is looked at; None if there is none.

    Args:
        given: The input.
        keys: The keys that may hold it.
    """
    command: Any = next((given[key] for key in keys if key in given), None)
    if isinstance(command, list):
        command = " ".join(str(word) for word in command)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return command[:MOST_CHARACTERS] if isinstance(command, str) else None


def named_files(command: str, cwd: str) -> Iterator[tuple[str, str]]:
    """Yield the words of a command, each with the absolute normal path that it would be."""
    place, before = cwd, ""
    for word in _words(command):
        if before == "cd":
            place = os.path.join(place, os.path.expanduser(word))  # noqa: PTH111, PTH118 - a start without pathlib
        before = word
        yield word, os.path.normpath(os.path.join(place, os.path.expanduser(word)))  # noqa: PTH111, PTH118


def _run_by(command: str, cwd: str) -> Iterator[str]:
    """Yield the files that a command may run, as absolute normal paths."""
    named = list(named_files(command, cwd))
    interpreted = _SOURCED.search(command) or any(_INTERPRETERS.match(os.path.basename(word)) for word, _ in named)  # noqa: PTH119
    for word, path in named:
        if (interpreted or "/" in word) and is_file(path) and (interpreted or os.access(path, os.X_OK)):
            yield path


def _words(command: str, depth: int = _NESTED) -> Iterator[str]:
    for found in _WORDS.finditer(command):
        word = _QUOTES.sub(lambda each: each[1] or each[2] or each[3] or "", found[0])
        yield word
        if depth and any(map(str.isspace, word)):
            yield from _words(word, depth - 1)


def is_file(path: str) -> bool:
    """Return whether a path is that of a regular file, or of a link to one."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
    except (OSError, ValueError):
        return False


def _digest(path: str) -> str | None:
    import hashlib  # noqa: PLC0415 - most commands run no file, and this takes some milliseconds

    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(file, "rb") as opened:
        content = opened.read(MOST_SCRIPT_BYTES + 1)
    return None if len(content) > MOST_SCRIPT_BYTES else hashlib.sha256(content).hexdigest()
