"""Words, redirections and operators of a stretch of shell text, read as bash reads them.

The syntax tree says where commands begin and end; what their words are is read here from the text itself, because the
grammar attaches some words to the wrong node (`rm 2>&1 -rf /`). Text is one character a byte (UTF-8 seen as
Latin-1), so that offsets agree with the tree's. Whatever is not understood raises `Unproved`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from actors.speed_layer.command.simple_command import UNKNOWN
from actors.speed_layer.shell.reading.brace_expansion import expand_braces
from actors.speed_layer.shell.reading.tokens import RedirectToken, Token, Unproved, Word, ansi_c

Piece = tuple[int, str, bool, bool]
"""Offset behind a piece of a word, its text, whether that is certain, whether it may fall apart into several words."""
Expand = Callable[[int, int, bool], Piece]
"""From the offset of what is expanded (`$`, a backtick, `<(`, an array's bracket), a limit, whether it is quoted."""

MAX_TOKENS: Final = 1024
"""Tokens of one command; none of the 3,200 commands in the tests and benchmarks has more than 12."""
GLOBS: Final = frozenset("*?[")
BLANK: Final = re.compile(r"[ \t]+")
WHOLE: Final = re.compile(r"[ \t]*([A-Za-z0-9_@%+:,./^-][A-Za-z0-9_@%+:,./^~#*?-]*)(?=[ \t\n;|&]|\Z)")
PLAIN: Final = re.compile(r"[^ \t\n'\"\\$`|&;<>(){}]+")
BARE: Final = re.compile(r"(?![A-Za-z_]\w*\+?=)[^ \t\n'\"\\$`|&;<>()]{3,256}+(?=[ \t\n;|&]|\Z)")
"""A word with nothing quoted, escaped or expanded."""
CHOICE: Final = re.compile(r"\{[^{}]*(?:,|\.\.)|,[^{}]*\}")
ASSIGN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[A-Za-z0-9_@*]*\])?\+?=")
OPERATOR: Final = re.compile(r"&&|\|\||\|&|;;&|;;|;&|[;|&\n()]")
REDIRECT: Final = re.compile(r"(\d*)(<<<|&>>|&>|>\||>>|>&|<&|<>|>|<(?!<))")
IN_ANSI_C: Final = re.compile(r"((?:[^'\\]|\\.)*+)'", re.DOTALL)
SHORT_ESCAPE: Final = 2
"""Length of the shortest escape, which takes a step to decode."""
STEP_LENGTH: Final = 64
"""How many characters are read in a step where nothing is quoted, escaped or expanded."""
IN_QUOTES: Final = re.compile(r'[^"\\$`]+')


class Lexer:
    """Reads tokens from `text`; `expand` resolves what only the tree or the walker's state can.

    Args:
        text: The whole line, one character a byte.
        expand: See `Expand`; called for every `$name`, `${...}`, `$(...)`, `$((...))`, backtick, process substitution
            and array value.
        spend: Counts steps: one for each token, and for each piece of one that is quoted or expanded.
    """

    __slots__ = ("expand", "spend", "text")

    def __init__(self, text: str, expand: Expand, spend: Callable[[int], None]) -> None:
        self.text = text
        self.expand = expand
        self.spend = spend

    def tokens(self, start: int, end: int, *, arguments: bool = False) -> list[Token]:
        """Return the tokens between two offsets; operators come as plain strings.

        Args:
            start: Offset of the first character.
            end: Offset behind the last one.
            arguments: Whether no word there is a program's name.
        """
        text, position = self.text, start
        found: list[Token] = []
        self.spend(1 + (end - start) // STEP_LENGTH)
        while position < end:
            self.spend(1)
            if len(found) > MAX_TOKENS:
                raise Unproved("it would take too long to analyse")
            whole = WHOLE.match(text, position, end)
            if whole:
                position = whole.end()
                found.append(Word(whole[1], True, 0, True, False, whole.start(1), position))
                continue
            character = text[position]
            if character in " \t":
                position = BLANK.match(text, position, end).end()  # type: ignore[union-attr]  # it starts with a blank
                continue
            if character == "#":
                raise Unproved("a comment inside a command")
            if character in "<>&0123456789":
                redirect = REDIRECT.match(text, position, end)
                if redirect and not (redirect[2] in "<>" and text.startswith("(", redirect.end())):
                    position = self._redirect(redirect, end, found)
                    continue
            operator = OPERATOR.match(text, position, end)
            if operator:
                found.append(operator.group())
                position = operator.end()
                continue
            bare = BARE.match(text, position, end) if arguments or _is_argument(found) else None
            if bare and "{" in bare[0] and "}" in bare[0] and CHOICE.search(bare[0]):
                position = bare.end()
                found.extend(self._several(bare[0], position))
                continue
            word = self.word(position, end)
            position = word.end
            found.append(word)
        return found

    def _several(self, text: str, end: int) -> Iterator[Word]:
        """Yield the words that a word with braces in it becomes.

        Raises:
            Unproved: It is not certain which.
        """
        words = expand_braces(text)
        if words is None:
            raise Unproved("brace expansion makes the words")
        for word in words:
            yield Word(word, True, 0, True, word[0] in GLOBS, end - len(text), end)

    def _redirect(self, match: re.Match[str], end: int, found: list[Token]) -> int:
        blank = BLANK.match(self.text, match.end(), end)
        position = blank.end() if blank else match.end()
        if position >= end or self.text[position] in "\n;|&#":
            raise Unproved("a redirection without a target")
        target = self.word(position, end)
        found.append(RedirectToken(match[2], match[1], target))
        return target.end

    def word(self, start: int, end: int) -> Word:
        """Read the word at `start`; raise `Unproved` if there is none."""
        text, position = self.text, start
        parts: list[str] = []
        exact = plain = True
        apart = False
        assignment = ASSIGN.match(text, start, end)
        assign = assignment.end() - start if assignment else 0
        unquoted: list[str] = []
        while position < end:
            run = PLAIN.match(text, position, end)
            if run:
                parts.append(run.group())
                unquoted.append(run.group())
                position = run.end()
                continue
            character = text[position]
            if character in " \t\n|&;" or (character in "<>" and not text.startswith("(", position + 1)):
                break
            if character in "{}":
                parts.append(character)
                unquoted.append(character)
                position += 1
                continue
            if character == "(" and not (assign and position == start + assign):
                self._refuse(position)
            if character == ")":
                if not parts and plain:
                    self._refuse(position)
                break
            plain = False
            self.spend(1)
            position, piece, certain, splits = self._piece(position, end)
            parts.append(piece)
            exact = exact and certain
            apart = apart or splits
        if position == start:
            self._refuse(position)
        if "{" in unquoted:
            _check_braces("".join(unquoted), text[position : position + 1])
        joined = UNKNOWN if apart and not assign else "".join(parts)
        glob = text[start] in GLOBS or (not exact and joined[:1] in GLOBS)
        return Word(joined, exact, assign, plain, glob, start, position)

    def _piece(self, position: int, end: int) -> Piece:  # noqa: C901, PLR0911 - one case a kind of quoting
        text = self.text
        character = text[position]
        if character == "'":
            close = text.find("'", position + 1, end)
            if close < 0:
                raise Unproved("an unclosed quote")
            return close + 1, text[position + 1 : close], True, False
        if character == '"':
            return self._double_quoted(position + 1, end)
        if character == "\\":
            if position + 1 >= end or text[position + 1] == "\n":
                raise Unproved("a backslash at the end of a line")
            return position + 2, text[position + 1], True, False
        if character == "$" and position + 1 < end:
            following = text[position + 1]
            if following == "'":
                return self._ansi_c(position + 2, end)
            if following == '"':
                raise Unproved("a translated string")
            if not (following.isalnum() or following in "_({?!#@*$-["):
                return position + 1, "$", True, False
        elif character == "$":
            return position + 1, "$", True, False
        return self.expand(position, end, False)

    def _ansi_c(self, position: int, end: int) -> Piece:
        body = IN_ANSI_C.match(self.text, position, end)
        if body is None:
            raise Unproved("an unclosed quote")
        self.spend((body.end() - position) // SHORT_ESCAPE)
        return body.end(), ansi_c(body[1]), True, False

    def _double_quoted(self, position: int, end: int) -> Piece:
        text = self.text
        parts: list[str] = []
        exact = True
        while position < end:
            run = IN_QUOTES.match(text, position, end)
            if run:
                parts.append(run.group())
                position = run.end()
                continue
            character = text[position]
            if character == '"':
                return position + 1, "".join(parts), exact, False
            self.spend(1)
            if character == "\\":
                following = text[position + 1 : position + 2]
                parts.append(following if following in '$`"\\' and following else "\\" + following)
                position += 2
                continue
            following = text[position + 1 : position + 2]
            if character == "$" and not (following.isalnum() or (following and following in "_({?!#@*$-[")):
                parts.append("$")
                position += 1
                continue
            position, piece, certain, _ = self.expand(position, end, True)
            parts.append(piece)
            exact = exact and certain
        raise Unproved("an unclosed quote")

    def _refuse(self, position: int) -> NoReturn:
        raise Unproved(f"an unexpected {self.text[position]!r} in a command")


def _is_argument(found: list[Token]) -> bool:
    """Return whether the next word follows a program's name or one of its arguments."""
    return bool(found) and isinstance(found[-1], Word) and not found[-1].assign


def _check_braces(text: str, following: str) -> None:
    """Refuse brace expansion, and `{name}` before a redirection, which sets the variable."""
    first, last = text.find("{"), text.rfind("}")
    between = text[first:last]
    if "," in between or ".." in between:
        raise Unproved("brace expansion makes the words")
    if following in {"<", ">"} and first == 0 and last == len(text) - 1:
        raise Unproved("a descriptor kept in a variable")
