"""Goes through a line's syntax tree as the shell would and writes down every simple command.

State that changes what later commands do is carried along: the working directory, functions, loop variables over
constants. A subshell works on a copy. What is only known at run time stays unknown; what cannot be followed is
unproved.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import msgspec
from tree_sitter import Node

from actors.speed_layer.command.simple_command import Analysis, SimpleCommand, Stdin
from actors.speed_layer.shell.reading.here_document import Document
from actors.speed_layer.shell.reading.lexer import Lexer
from actors.speed_layer.shell.reading.tokens import Unproved
from actors.speed_layer.shell.walking import compound_commands as constructs
from actors.speed_layer.shell.walking import constant_variables as constants
from actors.speed_layer.shell.walking import expansions as expander
from actors.speed_layer.shell.walking import loops, syntax_tree
from actors.speed_layer.shell.walking import words_and_redirections as leaves
from actors.speed_layer.shell.walking.command_effects import MAX_DEPTH
from actors.speed_layer.shell.walking.syntax_tree import LEAVES, check_comment

MAX_COMMANDS: Final = 128
MAX_WORK: Final = 4096
"""Steps an analysis may take; the longest lines people write take a few hundred."""


class Function(msgspec.Struct):
    """A function defined in the line.

    Attributes:
        walker: The walker of the text it stands in.
        body: Its body.
        commands: The body's commands as listed at the definition; judged there only if nothing calls it.
        called: Whether a call was followed.
    """

    walker: Walker
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


class Walker:
    """Walks one text; nested texts (`bash -c`, `eval`, here-documents) get walkers of their own on the same analysis.

    Args:
        text: The text, one character a byte.
        documents: Here-documents taken out of it.
        analysis: Where commands are written.
        state: The state it begins with; changed in place.
        depth: How many texts and constructs enclose it.
        origin: `shell`, or the wrapper whose text this is.
        listed: Whether its commands belong to those the line's own shell runs.
    """

    __slots__ = (
        "analysis", "base", "defined", "depth", "documents", "lexer", "listed", "nodes", "origin", "pending", "shape",
        "state", "stdin", "text", "used_documents", "variables",
    )  # fmt: skip

    def __init__(
        self,
        text: str,
        documents: list[Document],
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
        self.state = state
        self.depth = self.base = depth
        self.origin = origin
        self.listed = listed
        self.stdin: Stdin | None = None
        self.defined = list[Function]()
        self.nodes = dict[int, Node]()
        self.pending = list[tuple[Walker, Node]]()
        self.variables = list[str]()
        self.used_documents = set[int]()
        self.lexer = Lexer(text, self.expand)

    def expand(self, position: int, end: int, quoted: bool) -> tuple[int, str, bool, bool]:
        """Resolve an expansion for the lexer (see `lexer.Expand`)."""
        self.spend(1)
        return expander.expand(self, position, end, quoted)

    def spend(self, steps: int) -> None:
        """Count work done.

        Raises:
            Unproved: It is more than an analysis may take.
        """
        self.analysis.work += steps
        if self.analysis.work > MAX_WORK:
            raise Unproved("it would take too long to analyse")

    def finish(self) -> None:
        """Check that nothing was taken out of the text, or put off, and then forgotten.

        Raises:
            Unproved: A here-document or a substitution belongs to no command that was read.
        """
        if len(self.used_documents) != len(self.documents) or self.pending:
            raise Unproved("a here-document or a substitution that belongs to no command")

    def statements(self, nodes: list[Node]) -> None:
        """Walk statements and the separators between them."""
        for index, node in enumerate(nodes):
            if node.is_named:
                if index + 1 < len(nodes) and nodes[index + 1].type == "&":
                    with self.subshell():
                        self.statement(node)
                else:
                    before, bound = self.state.cwd, tuple(self.state.bindings)
                    self.statement(node)
                    if node.type == "list":
                        constants.keep(self.state, bound)
                    if self.state.cwd != before:
                        self.state.fallbacks = (*self.state.fallbacks[-2:], before)
            elif node.type not in {";", "&", "\n", ";;", ";&", ";;&"}:
                raise Unproved(f"an unexpected {node.type!r} between commands")

    def statement(self, node: Node, reach: int = 0) -> None:
        """Walk one statement of any kind.

        Args:
            node: The statement.
            reach: Where the redirections of its last command end, if the grammar put them behind the whole.
        """
        kind = node.type
        self.spend(1)
        if reach and not (kind in PASS_ON or (kind in LEAVES and not leaves.is_expression(self, node))):
            constructs.behind(self, node, reach)
            return
        if kind in LEAVES:
            leaves.leaf(self, node, reach)
            return
        if kind == "comment":
            check_comment(self.text, node.start_byte, node.end_byte)
            return
        construct = CONSTRUCTS.get(kind)
        if construct is None:
            raise Unproved(f"a construct that is not analysed: {kind}")
        if self.depth > MAX_DEPTH:
            raise Unproved("too deeply nested")
        self.depth += 1
        bound = tuple(self.state.bindings)
        try:
            construct(self, node, reach)
        finally:
            self.depth -= 1
        if kind in PERHAPS:
            constants.keep(self.state, bound)

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
            Unproved: There are more than `MAX_COMMANDS`.
        """
        if len(self.analysis.commands) >= MAX_COMMANDS:
            raise Unproved("too many commands in one line")
        self.spend(1 + len(command.words) + len(command.env) + len(command.redirects))
        self.analysis.commands.append(command)


PASS_ON: Final = frozenset({"list", "pipeline", "negated_command", "redirected_statement"})
"""Constructs that hand redirections behind them on to their last command."""

PERHAPS: Final = frozenset(
    {"if_statement", "while_statement", "for_statement", "c_style_for_statement", "case_statement", "do_group"}
)
"""Constructs whose commands may not run, or run again."""

CONSTRUCTS: Final[dict[str, Callable[[Walker, Node, int], None]]] = {
    "list": constructs.listing,
    "pipeline": constructs.pipeline,
    "negated_command": constructs.negated,
    "redirected_statement": constructs.redirected,
    "subshell": constructs.parenthesised,
    "compound_statement": constructs.group,
    "if_statement": constructs.conditional,
    "while_statement": loops.loop,
    "for_statement": loops.iteration,
    "c_style_for_statement": loops.counting,
    "case_statement": constructs.cases,
    "do_group": loops.body,
    "function_definition": constructs.definition,
}
