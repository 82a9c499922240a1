"""Goes through a line's syntax tree as the shell would and writes down every simple command.

State that changes what later commands do is carried along: the working directory, functions, loop variables over
constants. A subshell works on a copy. What is only known at run time stays unknown; what cannot be followed is
unproved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tree_sitter import Node

from actors.speed_layer.shell.reading.lexer import Piece
from actors.speed_layer.shell.reading.tokens import Unproved
from actors.speed_layer.shell.walking import compound_commands, loops
from actors.speed_layer.shell.walking.constant_variables import keep_bindings
from actors.speed_layer.shell.walking.expansions import expand
from actors.speed_layer.shell.walking.substitutions import walk_substitution
from actors.speed_layer.shell.walking.syntax_tree import LEAVES, check_comment
from actors.speed_layer.shell.walking.walk_state import AbstractWalker
from actors.speed_layer.shell.walking.words_and_redirections import is_test, walk_simple_command

STEPS_OF_STATEMENT: Final = 10
"""Steps of a statement of any kind, without what is in it."""
STEPS_OF_EXPANSION: Final = 4
"""Steps of an expansion, without the substitution that it may be."""


class Walker(AbstractWalker):
    """The walker that knows all parts of the walk."""

    __slots__ = ()

    def expand(self, position: int, end: int, quoted: bool) -> Piece:
        """Resolve an expansion for the lexer (see `lexer.Expand`)."""
        self.spend(STEPS_OF_EXPANSION)
        return expand(self, position, end, quoted)

    def substitution(self, node: Node) -> None:
        """Walk what a command or process substitution runs."""
        walk_substitution(self, node)

    def statements(self, nodes: list[Node]) -> None:
        """Walk statements and the separators between them."""
        self.spend(len(nodes))
        for index, node in enumerate(nodes):
            if node.is_named:
                if index + 1 < len(nodes) and nodes[index + 1].type == "&":
                    with self.subshell():
                        self.statement(node)
                else:
                    before, bound = self.state.cwd, tuple(self.state.bindings)
                    self.statement(node)
                    if node.type == "list":
                        keep_bindings(self.state, bound)
                    if self.state.cwd != before:
                        self.state.fallbacks = (*self.state.fallbacks[-2:], before)
            elif node.type not in {";", "&", "\n", ";;", ";&", ";;&"}:
                raise Unproved(f"an unexpected {node.type!r} between commands")

    def statement(self, node: Node, reach: int = 0) -> None:
        """Walk one statement of any kind; see `AbstractWalker`."""
        kind = node.type
        self.spend(STEPS_OF_STATEMENT)
        if reach and not (kind in PASS_ON or (kind in LEAVES and not is_test(self, node))):
            compound_commands.behind(self, node, reach)
            return
        if kind in LEAVES:
            walk_simple_command(self, node, reach)
            return
        if kind == "comment":
            check_comment(self.text, node.start_byte, node.end_byte)
            return
        construct = CONSTRUCTS.get(kind)
        if construct is None:
            raise Unproved(f"a construct that is not analysed: {kind}")
        self.check_depth()
        self.depth += 1
        bound = tuple(self.state.bindings)
        try:
            construct(self, node, reach)
        finally:
            self.depth -= 1
        if kind in PERHAPS:
            keep_bindings(self.state, bound)


PASS_ON: Final = frozenset({"list", "pipeline", "negated_command", "redirected_statement"})
"""Constructs that hand redirections behind them on to their last command."""

PERHAPS: Final = frozenset(
    {"if_statement", "while_statement", "for_statement", "c_style_for_statement", "case_statement", "do_group"}
)
"""Constructs whose commands may not run, or run again."""

CONSTRUCTS: Final[dict[str, Callable[[AbstractWalker, Node, int], None]]] = {
    "list": compound_commands.listing,
    "pipeline": compound_commands.pipeline,
    "negated_command": compound_commands.negated,
    "redirected_statement": compound_commands.redirected,
    "subshell": compound_commands.parenthesised,
    "compound_statement": compound_commands.group,
    "if_statement": compound_commands.conditional,
    "while_statement": loops.loop,
    "for_statement": loops.iteration,
    "c_style_for_statement": loops.counting,
    "case_statement": compound_commands.cases,
    "do_group": loops.body,
    "function_definition": compound_commands.definition,
}
