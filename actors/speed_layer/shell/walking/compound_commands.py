"""The shell's compound commands, walked: lists, pipelines, conditions, groups, functions. Loops are in `loops.py`."""

from __future__ import annotations

import re
from typing import Final

from tree_sitter import Node

from actors.speed_layer.command.simple_command import SimpleCommand
from actors.speed_layer.shell.reading.tokens import Unproved, Word
from actors.speed_layer.shell.walking.constant_variables import keep_bindings
from actors.speed_layer.shell.walking.expansions import walk_arithmetic, walk_substitutions
from actors.speed_layer.shell.walking.pipe_input import piped
from actors.speed_layer.shell.walking.syntax_tree import LEAVES, between, collect_expansions, parts
from actors.speed_layer.shell.walking.walk_state import AbstractWalker, Function
from actors.speed_layer.shell.walking.words_and_redirections import (
    covering,
    read_tokens,
    walk_simple_command,
    write_command,
)

FUNCTION_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]+\Z")


def group(walker: AbstractWalker, node: Node, _reach: int = 0) -> None:
    """Walk `{ ...; }` and `((...))`."""
    children = parts(walker.shape, node)
    if children[0].type == "((":
        held, walker.pending = walker.pending, []
        walk_arithmetic(walker, node)
        walker.walk_pending()
        walker.pending = held
        return
    inner = between(children, "{", "}")
    if not inner:
        raise Unproved("braces around nothing")
    walker.statements(inner)


def parenthesised(walker: AbstractWalker, node: Node, _reach: int = 0) -> None:
    """Walk `( ... )`."""
    with walker.subshell():
        walker.statements(between(parts(walker.shape, node), "(", ")"))


def listing(walker: AbstractWalker, node: Node, reach: int = 0) -> None:
    """Walk `a && b` and `a || b`."""
    left, operator, right = parts(walker.shape, node)
    if operator.type == "&&":
        walker.statement(left)
        walker.statement(right, reach)
        return
    if operator.type != "||":
        raise Unproved(f"an unexpected {operator.type!r} between commands")
    before, bound = walker.state.cwd, tuple(walker.state.bindings)
    walker.statement(left)
    if left.type not in LEAVES:
        keep_bindings(walker.state, bound)
    after, bound = walker.state.cwd, tuple(walker.state.bindings)
    walker.state.cwd = before if after == before or _is_leaf(left) else None
    walker.statement(right, reach)
    keep_bindings(walker.state, bound)
    walker.state.cwd = after if walker.state.cwd in {before, None} else None


def _is_leaf(node: Node) -> bool:
    """Return whether a statement is one simple command, redirected or not."""
    inside = node.child_by_field_name("body") if node.type == "redirected_statement" else node
    return inside is not None and inside.type in LEAVES


def pipeline(walker: AbstractWalker, node: Node, reach: int = 0) -> None:
    """Walk `a | b`; every stage is fed by all commands of the stages before it."""
    producers: list[SimpleCommand] = []
    children = parts(walker.shape, node)
    for index, child in enumerate(children):
        if not child.is_named:
            if child.type not in {"|", "|&"}:
                raise Unproved(f"an unexpected {child.type!r} in a pipeline")
            continue
        stdin = piped(producers) if index else walker.stdin
        begin = len(walker.analysis.commands)
        with walker.subshell(), walker.fed(stdin):
            walker.statement(child, reach if child is children[-1] else 0)
        producers.extend(walker.analysis.commands[begin:])


def negated(walker: AbstractWalker, node: Node, reach: int = 0) -> None:
    """Walk `! a`."""
    children = parts(walker.shape, node)
    if len(children) != 2 or children[0].type != "!":  # noqa: PLR2004 - the bang and the command
        raise Unproved("an unexpected negation")
    if walker.text[children[0].end_byte] not in " \t":
        raise Unproved("a word that begins with an exclamation mark")
    walker.statement(children[1], reach)


def conditional(walker: AbstractWalker, node: Node, _reach: int = 0) -> None:
    """Walk `if`: branches don't see each other's changes of directory, and what follows sees none that is not sure."""
    before = walker.state.cwd
    ends: list[str | None] = []
    _branch(walker, node, ends)
    walker.state.cwd = before if all(end == before for end in ends) else None


def _branch(walker: AbstractWalker, node: Node, ends: list[str | None]) -> None:
    before = walker.state.cwd
    for child in parts(walker.shape, node):
        if child.type in {"elif_clause", "else_clause"}:
            ends.append(walker.state.cwd)
            walker.state.cwd = before
            _branch(walker, child, ends)
        elif child.type == "then":
            before = walker.state.cwd
        elif child.is_named:
            with walker.subshell() if _backgrounded(walker, child) else walker.fed(walker.stdin):
                walker.statement(child)
        elif child.type not in {"if", "elif", "else", "fi", ";", "&", "\n"}:
            raise Unproved(f"an unexpected {child.type!r} in a condition")
    ends.append(walker.state.cwd)


def _backgrounded(walker: AbstractWalker, node: Node) -> bool:
    return walker.text[node.end_byte :].lstrip(" \t")[:1] == "&"


def cases(walker: AbstractWalker, node: Node, _reach: int = 0) -> None:
    """Walk `case`: every branch from the same state."""
    before = walker.state.cwd
    ends = {before}
    for child in parts(walker.shape, node):
        if child.type == "case_item":
            walker.state.cwd = before
            _case(walker, child)
            ends.add(walker.state.cwd)
        elif child.is_named:
            walk_substitutions(walker, node, child.start_byte, child.end_byte)
        elif child.type not in {"case", "in", "esac", "\n", ";"}:
            raise Unproved(f"an unexpected {child.type!r} in a case")
    walker.state.cwd = before if len(ends) == 1 else None


def _case(walker: AbstractWalker, node: Node) -> None:
    children = parts(walker.shape, node)
    close = next((index for index, child in enumerate(children) if child.type == ")"), None)
    if close is None:
        raise Unproved("a case without a pattern")
    walk_substitutions(walker, node, node.start_byte, children[close].start_byte)
    walker.statements(children[close + 1 :])


def definition(walker: AbstractWalker, node: Node, _reach: int = 0) -> None:
    """Note a function; its body is listed here and judged where it is called."""
    children = parts(walker.shape, node)
    named = [child for child in children if child.is_named]
    if len(named) != 2 or named[1].type not in {"compound_statement", "subshell"}:  # noqa: PLR2004 - name and body
        raise Unproved("a function of an unusual form")
    name = walker.text[named[0].start_byte : named[0].end_byte]
    if not FUNCTION_NAME.match(name):
        raise Unproved("a function of an unusual name")
    begin = len(walker.analysis.commands)
    with walker.subshell(), walker.fed(None):
        walker.state.bindings = {}
        walker.state.calling = (*walker.state.calling, name)
        walker.statement(named[1])
    commands = walker.analysis.commands[begin:]
    if walker.depth == walker.base + 1:
        function = Function(walker, named[1], commands)
        walker.state.functions[name] = function
        for command in commands:
            command.judged = False
        walker.defined.append(function)


def redirected(walker: AbstractWalker, node: Node, reach: int = 0) -> None:
    """Walk a statement with redirections behind it, which belong to its last command."""
    inner = parts(walker.shape, node)[0]
    reach = max(reach, node.end_byte)
    if not inner.is_named or "redirect" in inner.type:
        walk_simple_command(walker, node, reach)
    else:
        walker.statement(inner, reach)


def behind(walker: AbstractWalker, node: Node, reach: int) -> None:
    """Walk a compound command or a test whose redirections reach up to an offset."""
    collect_expansions(covering(node, reach), walker.nodes, walker.analysis.steps)
    tokens = read_tokens(walker, node.end_byte, reach)
    if any(isinstance(token, Word) for token in tokens):
        raise Unproved("a word behind a compound command")
    stdin = write_command(walker, tokens, "group")
    with walker.fed(stdin or walker.stdin):
        walker.statement(node)
