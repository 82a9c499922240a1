"""Which of the files that a call may write are there already: a file that was there before is not the agent's own code.

A hook runs on the agent's machine, just before the call, so it can look; the hall never does. What it does not see
counts as created, and is asked about when it is run. See `actors/speed_layer/written/`.
"""

from __future__ import annotations

import os

from transport.hooks.script_digests import command_of, is_file, named_files
from transport.hooks.tool_table import keys_of

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, Final

MOST_FILES: Final = 32
"""How many files are told of; a line that writes more of them is rare, and what is not told is asked about."""


def with_existing(question: dict[str, Any]) -> dict[str, Any]:
    """Return a question to the hall together with which files are there of those that the call may write.

    Args:
        question: The body of `POST /v1/validate`.

    Raises:
        OSError: The table of tools cannot be read.
    """
    cwd: Any = question.get("cwd")
    if not isinstance(cwd, str) or not cwd.startswith("/"):
        return question
    keys = keys_of(question["tool"])
    if keys is None or keys.act not in {"shell", "write"}:
        return question
    given: dict[str, Any] = question["input"]
    if keys.act == "shell":
        found = (path for _, path in named_files(command_of(given, keys.command) or "", cwd))
    else:
        found = _named(given, keys.paths, cwd)
    existing = list[str]()
    for path in found:
        if path not in existing and is_file(path):
            existing.append(path)
            if len(existing) == MOST_FILES:
                break
    return {**question, "existing": existing}


def _named(given: dict[str, Any], keys: tuple[str, ...], cwd: str) -> Generator[str, None, None]:
    for key in keys:
        value = given.get(key)
        for path in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]
            if isinstance(path, str) and path:
                yield os.path.normpath(os.path.join(cwd, os.path.expanduser(path)))  # noqa: PTH111, PTH118 - a start without pathlib
