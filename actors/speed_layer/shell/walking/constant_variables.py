"""Variables of a line that hold one constant wherever they are read.

A name counts only if the line mentions it once besides reading it (`$name`, `${name...}`): in the assignment. So no
loop, builtin, function, trap or second assignment can give it another value; and its binding ends with the construct
that may not have run (`if`, a loop, the right side of `&&`). A line with builtins or text that could name a variable in
disguise (`eval`, `read`, `$'...'`) binds nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from actors.speed_layer.command.simple_command import UNKNOWN
from actors.speed_layer.shell.walking.walk_state import State

DISGUISE: Final = re.compile(
    r"(?<![\w-])(?:read|mapfile|readarray|getopts|let|unset|declare|local|typeset|export|readonly|eval|source|printf"
    r"\s+-v|wait\s+-p|coproc|set|shift|trap|alias|enable|builtin|command\s+\.)(?![\w-])|\(\(|\{\w+\}[<>]|\$'"
    r"|(?:\A|[;&|({\n!]|\bdo|\bthen|\belse)[^\S\n]*+\.\s"
)
"""What could name a variable in disguise. A dot behind many line ends is behind the last of them: in linear time."""
SPECIAL: Final = re.compile(
    r"(?:BASH\w*|COMP_\w*|EPOCH\w*|DIRSTACK|EUID|FUNCNAME|GROUPS|HIST\w*|HOME|IFS|LINENO|OLDPWD|OPT\w+|PIPESTATUS|PPID|PWD"
    r"|RANDOM|REPLY|SECONDS|SHELLOPTS|SHLVL|SRANDOM|UID|_|argv|status|path|cdpath|fpath|pipestatus|[A-Z]*PATH)\Z"
)
"""Names that a shell sets by itself, ties to another one, or refuses to set."""
MENTION: Final = re.compile(r"(?<!\$)(?<!\$\{)(?<!\$\{#)\b[A-Za-z_]\w*")
"""A name that is not read there; `${name=value}`, which sets it, is unproved anyway."""
MAX_KEPT: Final = 8
"""Of how many texts it is kept what they mention: a line has one for each `bash -c` in it."""
MAX_VALUE: Final = 512
"""Length of values that are followed; a longer one would be copied into each word that reads it."""


def bind_constants(state: State, text: str, assignments: Iterable[tuple[str, str | None]]) -> None:
    """Note the constants that an assignment of its own gives to names.

    Args:
        state: The walker's state; changed in place.
        text: The whole text the assignment stands in.
        assignments: Names and values, `None` if unknown.
    """
    for name, value in assignments:
        state.bindings.pop(name, None)
        if value is not None and len(value) <= MAX_VALUE and UNKNOWN not in value and is_constant(name, text):
            state.bindings[name] = value


def is_constant(name: str, text: str) -> bool:
    """Return whether a name is set in one place only, which its assignment is, and nothing else can set it."""
    return not SPECIAL.match(name) and _mentions(text).get(name) == 1


@lru_cache(MAX_KEPT)
def _mentions(text: str) -> Mapping[str, int]:
    """Return how often a text mentions each name; nothing where a name may be in disguise.

    Kept, because every assignment of a text asks.
    """
    return {} if DISGUISE.search(text) else Counter(MENTION.findall(text))


def keep_bindings(state: State, names: Iterable[str]) -> None:
    """Forget the bindings of all names but these."""
    kept = frozenset(names)
    if not kept.issuperset(state.bindings):
        state.bindings = {name: value for name, value in state.bindings.items() if name in kept}
