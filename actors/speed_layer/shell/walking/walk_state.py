"""What all parts of the walk share: the state of the shell, and the walker as every part may use it.

A command may hold a substitution, which holds commands, and so on: the parts of the walk call one another in a circle.
Their modules do not, because each part is handed a walker and calls the others through it. `walker.py` alone knows all
parts; a part imports only those that it calls itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, Self

import msgspec
from tree_sitter import Node

from actors.speed_layer.command.simple_command import Analysis, SimpleCommand, Stdin
from actors.speed_layer.shell.reading.here_document import Document
from actors.speed_layer.shell.reading.lexer import Lexer, Piece
from actors.speed_layer.shell.reading.tokens import Unproved
from actors.speed_layer.shell.walking import syntax_tree

# No line of the 3,200 in the tests and benchmarks has more than 7 commands or 3 levels.
MAX_COMMANDS: Final = 128
STEPS_OF_COMMAND: Final = 8
"""Steps that it takes to write a command down, besides its words."""
MAX_DEPTH: Final = 24
"""Levels of constructs and texts: far from where the recursion of the walk would reach Python's limit."""


class Function(msgspec.Struct):
    """A function defined in the line.

    Attributes:
        walker: The walker of the text it stands in.
        body: Its body.
        commands: The body's commands as listed at the definition; judged there only if nothing calls it.
        called: Whether a call was followed.
    """

    walker: AbstractWalker
    body: Node
    commands: list[SimpleCommand]
    called: bool = False


class State(msgspec.Struct):
    """What the commands so far have changed for the commands to come.

    Attributes:
        cwd: The working directory, `None` if unknown.
        fallbacks: Other directories it may be, should a `cd` have failed.
        bindings: Positional parameters and loop variables with a known value.
        functions: Functions certainly defined by now.
        calling: Names of the functions being walked.
    """

    cwd: str | None
    bindings: dict[str, str] = {}
    functions: dict[str, Function] = {}
    calling: tuple[str, ...] = ()
    fallbacks: tuple[str | None, ...] = ()

    def copy(self) -> State:
        """Return a copy for a subshell."""
        return State(self.cwd, dict(self.bindings), dict(self.functions), self.calling, self.fallbacks)


class AbstractWalker(ABC):
    """Walks one text; nested texts (`bash -c`, `eval`, here-documents) get walkers of their own on the same analysis.

    Args:
        text: The text, one character a byte.
        documents: Here-documents taken out of it.
        analysis: Where commands are written.
        state: The state it begins with; changed in place.
        depth: How many texts and constructs enclose it.
        origin: `shell`, or the wrapper whose text this is.
        listed: Whether its commands belong to those the line's own shell runs.

    Attributes:
        spend: Counts steps; raises `OutOfSteps` where they are more than an analysis may take.
    """

    __slots__ = (
        "analysis", "base", "defined", "depth", "documents", "lexer", "listed", "nodes", "origin", "pending", "shape",
        "spend", "state", "stdin", "text", "used_documents", "variables",
    )  # fmt: skip

    def __init__(
        self,
        text: str,
        documents: Sequence[Document],
        analysis: Analysis,
        state: State,
        *,
        depth: int = 0,
        origin: str = "shell",
        listed: bool = True,
    ) -> None:
        self.text = text
        self.shape = syntax_tree.shape(text)
        self.documents = documents
        self.analysis = analysis
        self.spend = analysis.steps.spend
        self.state = state
        self.depth = self.base = depth
        self.origin = origin
        self.listed = listed
        self.stdin: Stdin | None = None
        self.defined: list[Function] = []
        self.nodes: dict[int, Node] = {}
        self.pending: list[tuple[AbstractWalker, Node]] = []
        self.variables: list[str] = []
        self.used_documents: set[int] = set()
        self.lexer = Lexer(text, self.expand, self.spend)

    @abstractmethod
    def statements(self, nodes: list[Node]) -> None:
        """Walk statements and the separators between them."""

    @abstractmethod
    def statement(self, node: Node, reach: int = 0) -> None:
        """Walk one statement of any kind.

        Args:
            node: The statement.
            reach: Where the redirections of its last command end, if the grammar put them behind the whole.
        """

    @abstractmethod
    def substitution(self, node: Node) -> None:
        """Walk what a command or process substitution runs.

        Raises:
            Unproved: Its form is not analysed.
        """

    @abstractmethod
    def expand(self, position: int, end: int, quoted: bool) -> Piece:
        """Resolve an expansion for the lexer (see `lexer.Expand`)."""

    def nested(
        self, text: str, documents: Sequence[Document], state: State, *, levels: int, origin: str, listed: bool
    ) -> Self:
        """Return a walker for a text inside this one, on the same analysis."""
        depth = self.depth + levels
        return type(self)(text, documents, self.analysis, state, depth=depth, origin=origin, listed=listed)

    def walk_pending(self) -> None:
        """Walk the substitutions that wait for the command they stand in."""
        inside, self.pending = self.pending, []
        for owner, node in inside:
            owner.substitution(node)

    def check_depth(self) -> None:
        """Check that the walk may go one level deeper.

        Raises:
            Unproved: It is as deep as an analysis may go.
        """
        if self.depth > MAX_DEPTH:
            raise Unproved("too deeply nested")

    def finish(self) -> None:
        """Check that nothing was taken out of the text, or put off, and then forgotten.

        Raises:
            Unproved: A here-document or a substitution belongs to no command that was read.
        """
        if len(self.used_documents) != len(self.documents) or self.pending:
            raise Unproved("a here-document or a substitution that belongs to no command")

    @contextmanager
    def subshell(self) -> Generator[None]:
        """Undo inside changes of state afterwards."""
        state = self.state
        self.state = state.copy()
        try:
            yield
        finally:
            self.state = state

    @contextmanager
    def fed(self, stdin: Stdin | None) -> Generator[None]:
        """Give what is walked inside another standard input."""
        before = self.stdin
        self.stdin = stdin
        try:
            yield
        finally:
            self.stdin = before

    @contextmanager
    def repeated(self) -> Generator[None]:
        """Walk again what was already listed."""
        before = self.listed
        self.listed = False
        try:
            yield
        finally:
            self.listed = before

    def sets(self, names: set[str]) -> None:
        """Write down that the shell itself sets variables, as loops and arithmetic do."""
        if names:
            pairs = tuple((name, None) for name in sorted(names))
            self.add(SimpleCommand((), (), cwd=self.state.cwd, origin="group", listed=False, sets=pairs))
            self.state.bindings = {one: value for one, value in self.state.bindings.items() if one not in names}

    def add(self, command: SimpleCommand) -> None:
        """Write a command down.

        Raises:
            OutOfSteps: The analysis has taken too long.
            Unproved: There are more than `MAX_COMMANDS`.
        """
        if len(self.analysis.commands) >= MAX_COMMANDS:
            raise Unproved("too many commands in one line")
        words = len(command.words) + len(command.env) + len(command.redirects)
        self.spend(STEPS_OF_COMMAND + words)
        self.analysis.commands.append(command)
