"""A line made ready for parsing: checked, one character a byte, here-documents taken out, continued lines joined."""

from __future__ import annotations

import re
from typing import Final

from actors.speed_layer.command.steps import Steps
from actors.speed_layer.shell.reading.here_document import Document, take_out
from actors.speed_layer.shell.reading.tokens import Unproved

MAX_BYTES: Final = 16 * 1024
"""Length of the longest line that is analysed: a script in a here-document fits, a file mostly does not."""
CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
STEP_LENGTH: Final = 64
"""How many characters are searched in a step."""
SCANNED_LENGTH: Final = 3
"""How many characters are looked at one by one in a step."""
HARD_QUOTES: Final = re.compile(r"\$'|`|\"[^\"]*\$\(|\$\{")


def prepare(command: str, steps: Steps) -> tuple[str, list[Document]]:
    """Return the text to parse and its here-documents.

    Args:
        command: A shell line, any text.
        steps: Counts what it takes.

    Raises:
        OutOfSteps: It would take too long.
        Unproved: It is too large, no valid Unicode, holds control characters, or its quotes and here-documents
            cannot be told apart.
    """
    if len(command) > MAX_BYTES:
        raise Unproved("it is longer than 16 KiB")
    text = command
    if not command.isascii():
        try:
            text = command.encode("utf-8").decode("latin-1")
        except UnicodeError as error:
            raise Unproved("it is not valid Unicode") from error
        if len(text) > MAX_BYTES:
            raise Unproved("it is longer than 16 KiB")
    if CONTROL.search(text):
        raise Unproved("it holds control characters")
    steps.spend(8 + len(text) // STEP_LENGTH)
    text, documents = take_out(text, steps)
    if "\\\n" in text:
        steps.spend(len(text) // SCANNED_LENGTH)
        text = _joined(text)
    return text, documents


def _joined(text: str) -> str:
    """Join continued lines outside single quotes and comments."""
    if HARD_QUOTES.search(text):
        raise Unproved("continued lines beside nested quotes")
    kept: list[str] = []
    position, quote = 0, ""
    while position < len(text):
        character = text[position]
        step = 1
        if character == "\\" and quote != "'":
            step = 2
            if text[position + 1 : position + 2] == "\n":
                position += 2
                continue
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and (position == 0 or text[position - 1] in " \t\n;|&()"):
            end = text.find("\n", position)
            step = (end if end >= 0 else len(text)) - position
        kept.append(text[position : position + step])
        position += step
    return "".join(kept)
