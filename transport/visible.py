"""What agents wrote, as a terminal may show it: nothing of it moves the cursor, turns a line around or hides.

No text passes for another one's escape: one that needs an escape, or begins like one that does, is shown as bash would
write it, `$'...'`, in which a backslash and a quote of its own are escaped too. Letters of two scripts that look alike
are still two letters that look alike. Letters that are written from right to left, as those of Hebrew and Arabic, are
escaped: a terminal shows the words and signs between two of them in the other order, so that `a -> b` could be
`b -> a`. To isolate them would take characters that are not seen, and that a copied command would keep.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from actors.look_alikes import UNSEEN

_DISGUISING: Final = frozenset(
    "\u0334\u0335\u0336\u0337\u0338\u20d2\u20d3\u20d8\u20d9\u20da\u20e5\u20e6\u20eb\u2d7f\ufffc\U0001d159"
)
"""What is drawn over a letter, and printable characters without a picture of their own."""

_LEFTWARDS: Final = frozenset({"R", "AL", "AN"})
"""The directions of what is written from right to left, and of digits that are: UAX 9, table 4."""

_DELETE: Final = "\x7f"
_BLANKS: Final = re.compile(r"(?<= ) +")
_JSON_BLANKS: Final = re.compile(rb"(?<= ) ")
_SHORT: Final = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t"}


def visible(text: str, *, blanks: bool = False) -> str:
    """Return a text on one line in which each character is seen; what else there was is escaped.

    Args:
        text: What an agent may have written.
        blanks: Whether more than one blank in a row is meant so, as where the hall itself has laid a text out. From an
            agent it is escaped: enough of them end a terminal's line, and what follows would look like the hall's.
    """
    if not any(map(_is_hidden, text)) and not text.startswith("$'") and (blanks or "  " not in text):
        return text
    escaped = "".join(map(_escaped, text))
    return f"$'{escaped if blanks else _BLANKS.sub(_escaped_blanks, escaped)}'"


def visible_json(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON that hides nothing either: the same value to programs, on one line unless indented.

    Args:
        value: What msgspec encodes.
        indent: By how many blanks each level is indented, a line a field; None is one line.
    """
    encoded = msgspec.json.encode(value)
    encoded = _JSON_BLANKS.sub(rb"\\u0020", encoded)  # there are none between values yet
    text = (encoded if indent is None else msgspec.json.format(encoded, indent=indent)).decode()
    if text.isascii() and _DELETE not in text:  # JSON escapes the other control characters itself
        return text
    return "".join(_escaped_in_json(each) if each != "\n" and _is_hidden(each) else each for each in text)


def visible_request(tool: str, asked: dict[str, Any]) -> str:
    """Return a tool call, whole: a shell line as a shell reads it, the input of any other tool as JSON."""
    line = asked["command"] if asked.keys() == {"command"} else None
    return f"{visible(tool)}: {visible(line) if isinstance(line, str) else visible_json(asked)}"


def visible_scripts(scripts: Mapping[str, str | None] | None) -> list[str]:
    """Return what an approval is bound to of the files that a command runs, a line a file."""
    return [
        f"runs {visible(path)}, which could not be read" if digest is None else f"runs {visible(path)} as of {digest}"
        for path, digest in (scripts or {}).items()
    ]


def _is_hidden(character: str) -> bool:
    if character.isascii():
        return not character.isprintable()
    return (
        not character.isprintable()
        or character in UNSEEN
        or character in _DISGUISING
        or unicodedata.category(character) == "Me"
        or unicodedata.bidirectional(character) in _LEFTWARDS
    )


def _escaped_blanks(run: re.Match[str]) -> str:
    return r"\x20" * len(run[0])


def _escaped(character: str) -> str:
    if character in _SHORT or not _is_hidden(character):
        return _SHORT.get(character, character)
    return f"\\U{ord(character):08x}"


def _escaped_in_json(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
