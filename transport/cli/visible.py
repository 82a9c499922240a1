"""What agents wrote, as a terminal may show it: nothing of it moves the cursor, turns a line around or hides.

No text passes for another one's escape: one that needs an escape, or begins like one that does, is shown as bash would
write it, `$'...'`, in which a backslash and a quote of its own are escaped too. Letters of two scripts that look alike
are still two letters that look alike.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

_BLANKS: Final = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
"""What Python calls printable and nobody sees: fillers, and selectors of variants (Unicode's Default_Ignorable)."""

_SHORT: Final = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t"}


def visible(text: str) -> str:
    """Return a text on one line in which each character is seen; what else there was is escaped."""
    plain = not any(map(_is_hidden, text)) and not text.startswith("$'")
    return text if plain else f"$'{''.join(map(_escaped, text))}'"


def visible_request(tool: str, asked: dict[str, Any]) -> str:
    """Return a tool call, whole: a shell line as a shell reads it, the input of any other tool as JSON."""
    line = asked["command"] if asked.keys() == {"command"} else None
    text = line if isinstance(line, str) else msgspec.json.encode(asked).decode()
    return f"{visible(tool)}: {visible(text)}"


def _is_hidden(character: str) -> bool:
    return not character.isprintable() or character in _BLANKS


def _escaped(character: str) -> str:
    if character in _SHORT or not _is_hidden(character):
        return _SHORT.get(character, character)
    return f"\\U{ord(character):08x}"
