"""Lines made of words, quotes, redirections, pipes and lists alone, read by one pattern.

Most lines that agents run are no more than that. The pattern says what such a line is, so that neither lexer nor
grammar is needed; whatever it does not match goes their way. Tests hold this reading to theirs.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from actors.speed_layer.command.simple_command import SimpleCommand
from actors.speed_layer.command.steps import OutOfSteps, Steps
from actors.speed_layer.shell.reading.tokens import RedirectToken, Unproved, Word
from actors.speed_layer.shell.walking.pipe_input import piped
from actors.speed_layer.shell.walking.words_and_redirections import NO_GLOBS, RESERVED, SUBSCRIPT, redirections

MAX_LENGTH: Final = 2048
"""Length in characters of the lines that are read here; the lexer counts its steps on longer ones."""
STEP_LENGTH: Final = 3
"""How many characters are read in a step: a word of one character and its blank take 0.7 us."""
STEPS_OF_COMMAND: Final = 6
"""Steps that a command takes besides its characters."""

# No part begins with what the part before it may go on with, so that matching never goes back over a text twice.
_CONTROL: Final = r"\x00-\x08\x0b-\x1f\x7f\ud800-\udfff"
_FIRST: Final = r"[!%+,\-./0-9:=?@A-Z\[\]^_a-z~*]"
_NEXT: Final = r"[!#%+,\-./0-9:=?@A-Z\[\]^_a-z~*]"
_SINGLE: Final = rf"'[^'{_CONTROL}]*'"
# "No ASCII" is `[^\x00-\x7f]`: a range up to U+10FFFF says the same and takes `re` milliseconds to compile.
_DOLLAR: Final = r"\$(?![A-Za-z0-9_({?!#@*$\[-])(?![^\x00-\x7f])"
_DOUBLE: Final = rf'"[^"\\$`{_CONTROL}]*(?:(?:\\[^\n{_CONTROL}]|{_DOLLAR})[^"\\$`{_CONTROL}]*)*"'
_ESCAPED: Final = r"\\[\t -~]"
_BARE: Final = rf"(?:{_FIRST}{_NEXT}*(?:\{{\}}{_NEXT}*)?|\{{\}}{_NEXT}*)"
_MIXED: Final = rf"(?:{_FIRST}{_NEXT}*)?(?:(?:{_SINGLE}|{_DOUBLE}|{_ESCAPED}|{_DOLLAR}(?!['\"])){_NEXT}*)+"
_SEPARATOR: Final = r"&&|\|\||[;|\n]|&(?!>)"
_REDIRECT: Final = r"&>>|&>|>\||>>|>&|<&|<>|>|<"
_ENDS: Final = r"(?=[ \t\n;|&<>]|\Z)"
_TARGET_ENDS: Final = r"(?=[ \t\n;|&]|\Z)"
TOKEN: Final = re.compile(
    rf"[ \t]*(?:([0-9]*)({_REDIRECT})[ \t]*({_BARE}|{_MIXED}){_TARGET_ENDS}"
    rf"|({_BARE}){_ENDS}|({_SEPARATOR})|({_MIXED}){_ENDS}|([\s\S]+))"
)
"""A redirection in three parts, a bare word, a separator, a word with quotes, or all the rest."""
ASSIGNS: Final = re.compile(r"[A-Za-z_][^/'\"\\]*=")
ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
QUOTED: Final = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)")
ESCAPED: Final = re.compile(r"\\([$`\"\\])")
NO_PROGRAM: Final = re.compile(r"[*?\[{]")
"""What is in a first word that may be more than the name of a program: a glob, a brace."""
GLOBS: Final = "*?["
PAIR: Final = 2
UNFINISHED: Final = frozenset({"|", "&&", "||"})


class Statement(msgspec.Struct):
    """Pipelines joined by `&&` and `||`.

    Attributes:
        pipelines: The pipelines, as lists of commands, each fed by those before it.
        joins: What stands between them.
        background: Whether the shell goes on without waiting for it.
    """

    pipelines: list[list[SimpleCommand]] = []
    joins: list[str] = []
    background: bool = False


class PlainLine:
    """A line as far as it is read.

    Args:
        cwd: The directory its commands run in.

    Attributes:
        statements: Its statements.
        commands: All their commands.
        words: The words of the command that is being read.
        env: The assignments in front of them.
        globs: The indexes of those that begin with a glob.
        redirects: Its redirections.
    """

    __slots__ = (
        "_cwd", "_open", "_stages", "_statement", "commands", "env", "globs", "redirects", "statements", "words",
    )  # fmt: skip

    def __init__(self, cwd: str | None) -> None:
        self._cwd = cwd
        self._open = ""
        self._stages: list[SimpleCommand] = []
        self._statement = Statement()
        self.statements: list[Statement] = []
        self.commands: list[SimpleCommand] = []
        self._begin()

    def _begin(self) -> None:
        self.words: list[str] = []  # `list[str]()` takes ten times as long
        self.env: list[tuple[str, str | None]] = []
        self.globs: list[int] = []
        self.redirects: list[RedirectToken] = []

    def assign(self, raw: str) -> bool:
        """Take an assignment; False where it is more than a value for a name."""
        found = ASSIGNMENT.match(raw)
        if found is None or SUBSCRIPT.search(raw):
            return False
        self.env.append((found[1], unquoted(found[2])))
        return True

    def redirect(self, descriptor: str, op: str, target: str) -> None:
        """Take a redirection."""
        word = Word(unquoted(target), True, 0, False, False, 0, 0)
        self.redirects.append(RedirectToken(op, descriptor, word))

    def separate(self, separator: str) -> bool:
        """End the command that is being read; False where the line means something else."""
        if separator == "\n" and not self._begun():
            return True
        if not self._end_command():
            return False
        if separator != "|":
            self._end_pipeline(separator)
        self._open = separator
        return True

    def end(self) -> bool:
        """End the line; False where it means something else or nothing."""
        if (self._begun() or self._open in UNFINISHED) and not self.separate(";"):
            return False
        return bool(self.statements)

    def _begun(self) -> bool:
        return bool(self.words or self.env or self.redirects)

    def _end_pipeline(self, separator: str) -> None:
        statement = self._statement
        statement.pipelines.append(self._stages)
        self._stages = []
        if separator in UNFINISHED:
            statement.joins.append(separator)
        else:
            statement.background = separator == "&"
            self.statements.append(statement)
            self._statement = Statement()

    def _end_command(self) -> bool:
        words = tuple(self.words)
        if words:
            if words[0] in RESERVED or (words[0] != "[" and NO_PROGRAM.search(words[0])):
                return False
        elif not self.env:
            return False
        redirects, stdin = redirections(None, self.redirects) if self.redirects else ((), None)
        if stdin is None and self._stages:
            stdin = piped(self._stages)
        globs = frozenset(self.globs) if self.globs else NO_GLOBS
        command = SimpleCommand(words, words, tuple(self.env), redirects, self._cwd, stdin, globs=globs)
        self._stages.append(command)
        self.commands.append(command)
        self._begin()
        return True


def read_plain_line(text: str, cwd: str | None, steps: Steps) -> PlainLine | None:
    """Read a line; None where it holds more than is read here.

    Args:
        text: The line as it was given, before anything was taken out of it or joined.
        cwd: The directory it runs in, normalised; `None` if unknown.
        steps: Counts what it takes.
    """
    if len(text) > MAX_LENGTH:
        return None
    try:
        line = _read(text, cwd)
        commands = 0 if line is None else len(line.commands)
        steps.spend(4 + len(text) // STEP_LENGTH + STEPS_OF_COMMAND * commands)
    except (Unproved, OutOfSteps):
        return None
    return line


def _read(text: str, cwd: str | None) -> PlainLine | None:
    line = PlainLine(cwd)
    words = line.words
    for descriptor, op, target, bare, separator, mixed, _rest in TOKEN.findall(text.rstrip(" \t")):
        word = bare or mixed
        if word:
            if not words and "=" in word and ASSIGNS.match(word):
                if not line.assign(word):
                    return None
                continue
            if word[0] in GLOBS:
                line.globs.append(len(words))
            words.append(bare or unquoted(mixed))
        elif separator:
            if not line.separate(separator):
                return None
            words = line.words
        elif op:
            line.redirect(descriptor, op, target)
        else:
            return None
    return line if line.end() else None


def unquoted(word: str) -> str:
    """Return a word without its quotes and the backslashes that quote."""
    mark = word[:1]
    if mark in {"'", '"'} and word.count(mark) == PAIR and word[-1] == mark and "\\" not in word:
        return word[1:-1]
    return QUOTED.sub(_content, word)


def _content(quoted: re.Match[str]) -> str:
    single, double, escaped = quoted.groups()
    if double is None:
        return str(escaped if single is None else single)
    return ESCAPED.sub(r"\1", double)
