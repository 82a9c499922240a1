"""What a hook has to know of the tools of coding agents, out of the hall's own table (`packs/tools.toml`).

A hook starts before each call of a tool, and `tomllib` alone takes longer to import than the whole of its work on most.
So the table is read as the text that it is: each `[[signature]]` has its keys at the beginning of lines, and lists of
strings behind them, which a test holds it to.
"""

from __future__ import annotations

import os

from actors.speed_layer import policy
from transport.discovery.light_tuple import NamedTuple

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Final

FILE: Final = os.path.join(os.path.dirname(policy.__file__), "packs", "tools.toml")  # noqa: PTH118, PTH120 - a start without pathlib


class ToolKeys(NamedTuple):
    """What a tool does, and where its input says with what.

    Attributes:
        act: `shell`, `write` or something else.
        command: Keys that hold a command.
        paths: Keys that hold paths.
    """

    act: str
    command: tuple[str, ...]
    paths: tuple[str, ...]


def keys_of(tool: str) -> ToolKeys | None:
    """Return what is known of a tool; None if nothing is.

    Args:
        tool: Its name; case does not matter.

    Raises:
        OSError: The table cannot be read.
    """
    with open(FILE, encoding="utf-8") as table:  # noqa: PTH123 - as above
        signatures = table.read().split("[[signature]]\n")
    name = f'"{tool.casefold()}"'
    for signature in signatures[1:]:
        if name in _list(signature, "tools").casefold():
            act = signature.partition('\nact = "')[2].partition('"')[0]
            return ToolKeys(act, _strings(signature, "command"), _strings(signature, "paths"))
    return None


def _list(signature: str, key: str) -> str:
    return ("\n" + signature).partition(f"\n{key} = [")[2].partition("]")[0]


def _strings(signature: str, key: str) -> tuple[str, ...]:
    return tuple(_list(signature, key).split('"')[1::2])
