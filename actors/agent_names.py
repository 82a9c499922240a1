"""What an agent may be called, and which labels it may have: by these a policy's rules know it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from actors.look_alikes import folded, is_unseen, mixes_scripts

NAME_CHARACTERS: Final = 256
MAX_LABELS: Final = 32
"""How many labels an agent may have."""

SERVERS_OWN: Final = "moothall"
"""Who the server itself is in the log."""
EVERYBODY: Final = "local"
"""Who everybody is without tokens."""
_RESERVED: Final = frozenset(map(folded, (SERVERS_OWN, EVERYBODY)))
_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")


def why_no_name(name: str) -> str:
    """Return why no agent may have this name, and what to do about it; empty if one may."""
    if folded(name) in _RESERVED:
        return f"the name {name!r} is the server's own; choose another"
    if not 1 <= len(name) <= NAME_CHARACTERS:
        return f"an agent's name has 1 to {NAME_CHARACTERS} characters, this one has {len(name)}"
    if mixes_scripts(name):
        return f"{name!a} mixes letters of two scripts, which look like each other; keep to one"
    if "/" in name or not name.isprintable() or any(map(is_unseen, name)) or name != name.strip():
        return f"{name!r} contains a slash, blanks at an end, or what cannot be printed; leave it out"
    return ""


def why_no_labels(labels: Iterable[str]) -> str:
    """Return why no agent may have one of these labels, and what one looks like; empty if one may have them all."""
    wrong = next((each for each in labels if not _LABEL.match(each)), None)
    if wrong is None:
        return ""
    return f"{wrong!r} is no label: one has up to 64 of a-z, 0-9, '.', '_' and '-', and begins with a letter or digit"
