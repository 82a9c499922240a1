"""Tokens of shell text, how the text of words is decoded, and the doubt that ends an analysis."""

from __future__ import annotations

import re
import sys
from typing import Final

import msgspec

SURROGATES: Final = range(0xD800, 0xE000)
ANSI_C: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|(.))", re.DOTALL
)
SIMPLE_ESCAPES: Final = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip


class Unproved(Exception):  # noqa: N818 - not an error of the program: a line that cannot be proved
    """The text cannot be proved to mean one thing; the message says why."""


class Word(msgspec.Struct):
    """One word after quote removal.

    Attributes:
        text: The word for judging, with `UNKNOWN` stretches.
        exact: Whether `text` is certain.
        assign: Length of an unquoted `NAME=` or `NAME+=` at its start, 0 if there is none.
        plain: Whether no character was quoted, escaped or expanded.
        glob: Whether it begins with an unquoted glob character.
        start: Offset of its first character.
        end: Offset behind its last character.
    """

    text: str
    exact: bool
    assign: int
    plain: bool
    glob: bool
    start: int
    end: int


class RedirectToken(msgspec.Struct):
    """A redirection: operator, descriptor ("" if none is written) and its word."""

    op: str
    descriptor: str
    target: Word


Token = Word | RedirectToken | str


def native(text: str) -> str:
    """Turn one-character-a-byte text back into ordinary text; raise `Unproved` where it is no UTF-8."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError as error:
        raise Unproved("a word is not valid UTF-8") from error


def ansi_c(body: str) -> str:
    r"""Decode what stands between `$'` and `'` (bash manual, "ANSI-C Quoting"); `\c` and NUL are refused."""

    def decode(match: re.Match[str]) -> str:
        byte_hex, short, long, octal, other = match.groups()
        if byte_hex or octal:
            value = int(byte_hex, 16) if byte_hex else int(octal, 8) & 0xFF
            if value == 0:
                raise Unproved("a NUL in $'...'")
            return chr(value)
        if short or long:
            value = int(short or long, 16)
            if value == 0 or value > sys.maxunicode or value in SURROGATES:
                raise Unproved("a code point in $'...' that no word can hold")
            return chr(value).encode("utf-8").decode("latin-1")
        if other == "c":
            raise Unproved("a control escape in $'...'")
        return SIMPLE_ESCAPES.get(other, "\\" + other)

    return ANSI_C.sub(decode, body)


def known(word: Word) -> str | None:
    """Return the word's text if it is certain, else `None`."""
    return native(word.text) if word.exact else None


def judged(word: Word) -> str:
    """Return the word's text for judging, with `UNKNOWN` stretches."""
    return native(word.text)
