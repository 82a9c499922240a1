"""Command and process substitutions, walked: `$(...)`, backticks, `<(...)` and `>(...)`."""

from __future__ import annotations

from typing import Final

from tree_sitter import Node

from actors.speed_layer.shell.reading.tokens import Unproved
from actors.speed_layer.shell.walking.syntax_tree import collect_expansions, parts
from actors.speed_layer.shell.walking.walk_state import AbstractWalker
from actors.speed_layer.shell.walking.words_and_redirections import read_tokens, write_command

STEPS_OF_SUBSTITUTION: Final = 8
"""Steps of a substitution, without what it runs."""


def walk_substitution(walker: AbstractWalker, node: Node) -> None:
    """Walk what a command or process substitution runs.

    Raises:
        Unproved: Its form is not analysed.
    """
    children = parts(walker.shape, node)
    opening, closing = children[0], children[-1]
    if opening.type == "`" and "\\" in walker.text[node.start_byte : node.end_byte]:
        raise Unproved("backslashes inside backticks")
    if opening.type not in {"$(", "`", "<(", ">("} or closing.type not in {")", "`"}:
        raise Unproved("a substitution of an unusual form")
    inner = children[1:-1]
    walker.check_depth()
    walker.spend(STEPS_OF_SUBSTITUTION + len(children))
    held, walker.pending = walker.pending, []
    variables, walker.variables = walker.variables, []
    depth, walker.depth = walker.depth, walker.depth + 2
    with walker.subshell(), walker.fed(None):
        if inner and inner[0].type == "file_redirect":
            collect_expansions(node, walker.nodes, walker.analysis.steps)
            write_command(walker, read_tokens(walker, inner[0].start_byte, inner[-1].end_byte), "group")
        else:
            walker.statements(inner)
    walker.pending, walker.variables, walker.depth = held, variables, depth
