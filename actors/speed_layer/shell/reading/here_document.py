"""Here-documents taken out of a line before it is parsed.

The grammar mis-parses several of them on one line and what follows one on its first line. So each `<<WORD` becomes a
redirection `<PLACEHOLDER` and its body is kept aside. A small scanner finds them; it keeps track of quotes and nested
substitutions and gives up (`Unproved`) on whatever it does not know. It cannot hide a program by being wrong: every
placeholder must come back as the target of a redirection when the rest is read, else the line is unproved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from actors.speed_layer.command.steps import Steps
from actors.speed_layer.shell.reading.tokens import Unproved

PLACEHOLDER: Final = "MoothallHereDocument"
OPENER: Final = re.compile(r"<<(-?)[ \t]*(?:'([A-Za-z0-9_.:-]+)'|\"([A-Za-z0-9_.:-]+)\"|(\\?)([A-Za-z0-9_.:-]+))")
PRESENT: Final = re.compile(r"(?<!<)<<(?!<)")
EXPANSION: Final = re.compile(r"\$\{[^'\"`\\{}$()<>\n]*\}")


@dataclass(frozen=True, slots=True)
class Document:
    """A here-document.

    Attributes:
        body: Its text, tabs stripped for `<<-`, with the final newline.
        literal: Whether the delimiter was quoted, so that nothing in the body is expanded.
    """

    body: str
    literal: bool


@dataclass(frozen=True, slots=True)
class _Open:
    delimiter: str
    tabs: bool
    literal: bool
    depth: int


class _Scanner:
    def __init__(self, text: str, steps: Steps) -> None:
        self.text = text
        self.steps = steps
        self.position = 0
        self.kept: list[str] = []
        self.documents: list[Document] = []
        self.waiting: list[_Open] = []
        self.nesting = ["command"]

    def run(self) -> None:
        while self.position < len(self.text):
            self.steps.spend(1)
            if self.nesting[-1] == "quotes":
                self._in_quotes()
            else:
                self._in_command()
        if self.waiting:
            raise Unproved("a here-document without its body")
        if self.nesting != ["command"]:
            raise Unproved("quotes or brackets around a here-document that do not close")

    def _keep(self, count: int) -> None:
        self.kept.append(self.text[self.position : self.position + count])
        self.position += count

    def _in_quotes(self) -> None:
        text, position = self.text, self.position
        character = text[position]
        if character == "\\":
            self._keep(2)
        elif character == '"':
            self.nesting.pop()
            self._keep(1)
        elif character == "\n" and self.waiting:
            raise Unproved("a here-document that begins inside quotes")
        else:
            self._dollar_or_keep(character)

    def _dollar_or_keep(self, character: str) -> None:
        if character == "`":
            raise Unproved("backticks beside a here-document")
        if character != "$":
            self._keep(1)
        elif self.text.startswith("((", self.position + 1):
            raise Unproved("arithmetic beside a here-document")
        elif self.text.startswith("(", self.position + 1):
            self.nesting.append("command")
            self._keep(2)
        elif self.text.startswith("{", self.position + 1):
            match = EXPANSION.match(self.text, self.position)
            if not match:
                raise Unproved("a parameter expansion beside a here-document")
            self._keep(len(match.group()))
        else:
            self._keep(1)

    def _in_command(self) -> None:  # noqa: C901 - one case a character that means something
        text, position = self.text, self.position
        character = text[position]
        if character == "\\":
            self._keep(2)
        elif character == "'":
            self._quoted(position + 1)
        elif character == '"':
            self.nesting.append("quotes")
            self._keep(1)
        elif character == "$" and text.startswith("'", position + 1):
            raise Unproved("an ANSI-C string beside a here-document")
        elif character == "(":
            if text.startswith("(", position + 1):
                raise Unproved("arithmetic beside a here-document")
            self.nesting.append("command")
            self._keep(1)
        elif character == ")":
            if len(self.nesting) == 1:
                raise Unproved("a bracket that closes nothing beside a here-document")
            self.nesting.pop()
            self._keep(1)
        elif character == "#" and (position == 0 or text[position - 1] in " \t\n;|&()"):
            end = text.find("\n", position)
            self._keep((end if end >= 0 else len(text)) - position)
        elif character == "<":
            self._less()
        elif character == "\n":
            self._newline()
        else:
            self._dollar_or_keep(character)

    def _quoted(self, start: int) -> None:
        close = self.text.find("'", start)
        if close < 0:
            raise Unproved("an unclosed quote")
        self._keep(close + 1 - self.position)

    def _less(self) -> None:
        if self.text.startswith("<<<", self.position):
            self._keep(3)
            return
        if not self.text.startswith("<<", self.position):
            self._keep(1)
            return
        match = OPENER.match(self.text, self.position)
        if not match or (match.end() < len(self.text) and self.text[match.end()] not in " \t\n;|&<>)"):
            raise Unproved("a here-document's delimiter that is not a plain word")
        tabs, single, double, backslash, bare = match.groups()
        self.waiting.append(
            _Open(single or double or bare, bool(tabs), bare is None or bool(backslash), len(self.nesting))
        )
        self.kept.append(f"<{PLACEHOLDER}{len(self.documents) + len(self.waiting) - 1}")
        self.position = match.end()

    def _newline(self) -> None:
        self._keep(1)
        for opened in self.waiting:
            if opened.depth != len(self.nesting):
                raise Unproved("a here-document whose body begins outside its substitution")
            self.documents.append(self._body(opened))
        self.waiting.clear()

    def _body(self, opened: _Open) -> Document:
        lines: list[str] = []
        while self.position < len(self.text):
            end = self.text.find("\n", self.position)
            end = end if end >= 0 else len(self.text)
            line = self.text[self.position : end]
            line = line.lstrip("\t") if opened.tabs else line
            self.position = min(end + 1, len(self.text))
            if line == opened.delimiter:
                return Document("".join(lines), opened.literal)
            if not opened.literal and line.endswith("\\"):
                raise Unproved("a continued line in a here-document")
            self.steps.spend(1)
            lines.append(line + "\n")
        raise Unproved("a here-document without its end")


def take_out(text: str, steps: Steps) -> tuple[str, list[Document]]:
    """Return the line with redirections in place of here-documents, and the documents by number.

    Args:
        text: The line.
        steps: Counts what it takes: every character outside the documents is looked at by itself.

    Raises:
        OutOfSteps: It would take too long.
        Unproved: Where a here-document begins or ends is not certain.
    """
    if not PRESENT.search(text):
        return text, []
    if PLACEHOLDER in text:
        raise Unproved("a name that is reserved here")
    scanner = _Scanner(text, steps)
    scanner.run()
    return "".join(scanner.kept), scanner.documents
