"""The shell's loops, walked: `while`, `until`, `for` and `select`, and the `do ... done` of them all."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from tree_sitter import Node

from actors.speed_layer.command.simple_command import UNKNOWN, SimpleCommand, Stdin
from actors.speed_layer.shell.reading.tokens import Unproved, Word
from actors.speed_layer.shell.unwrapping.spawners import fed_names, names_tracked
from actors.speed_layer.shell.walking import arithmetic
from actors.speed_layer.shell.walking.expansions import walk_substitutions
from actors.speed_layer.shell.walking.syntax_tree import between, collect_expansions, parts
from actors.speed_layer.shell.walking.variable_names import names_assigned
from actors.speed_layer.shell.walking.walk_state import AbstractWalker

MAX_ROUNDS: Final = 8
"""How many values a loop may have whose body is walked for each of them; two nested loops walk 64 bodies."""

ENDLESS: Final = re.compile(r"\s*(?:true|:|\[ 1 \]|\(\(\s*1\s*\)\)|\[\[ 1 \]\])\s*[;\n]")
STARTS: Final = re.compile(r"(?<![&>|<])&(?![&>0-9])")
ASSIGNED: Final = re.compile(r"(?<![\w$])(\w+)(?:\+?=|\[)")
MAX_KEPT: Final = 8
"""Of how many texts it is kept what they assign to: a line has one for each `bash -c` in it."""
SETS_VARIABLES: Final = re.compile(
    r"(?<![\w-])(?:read|mapfile|readarray|getopts|let|unset|declare|local|typeset|export|readonly|eval|source|printf\s+-v|wait\s+-p|coproc)(?![\w-])"
    r"|\(\(|\{\w+\}[<>]"
)


def body(walker: AbstractWalker, node: Node, _reach: int = 0) -> None:
    """Walk `do ... done`."""
    walker.statements(between(parts(walker.shape, node), "do", "done"))


def loop(walker: AbstractWalker, node: Node, _reach: int = 0) -> None:
    """Walk `while` and `until`; a body that changes directory is walked again, not knowing where it is."""
    children = parts(walker.shape, node)
    if children[0].type not in {"while", "until"}:
        raise Unproved("an unexpected loop")
    for child in children[1:]:
        if not child.is_named and child.type not in {";", "\n", "&"}:
            raise Unproved(f"an unexpected {child.type!r} in a loop")
    named = [child for child in children if child.is_named]
    if ENDLESS.match(walker.text, children[0].end_byte) and STARTS.search(
        walker.text, named[-1].start_byte, named[-1].end_byte
    ):
        raise Unproved("an endless loop that starts programs without waiting")
    before = walker.state.cwd
    for child in named:
        walker.statement(child)
    _again_if_moved(walker, before, named)


def iteration(walker: AbstractWalker, node: Node, _reach: int = 0) -> None:
    """Walk `for` and `select`: once for each value if they are few constants, else once with an unknown one."""
    children = parts(walker.shape, node)
    if (
        children[0].type not in {"for", "select"}
        or children[1].type != "variable_name"
        or children[-1].type != "do_group"
    ):
        raise Unproved("an unexpected loop")
    name = walker.text[children[1].start_byte : children[1].end_byte]
    start, stop = children[1].end_byte, children[-1].start_byte
    values = [UNKNOWN]
    if children[2].type == "in":
        values = _values(walker, node, name, children[2].end_byte, stop)
    elif walker.text[start:stop].strip(" \t\n;"):
        raise Unproved("an unexpected loop")
    listed = walker.text[children[2].end_byte : stop].strip("; \t\n") if children[2].type == "in" else UNKNOWN
    if arithmetic.SEQUENCE.match(listed):
        listed = "0"
    for one in listed.split():
        arithmetic.assign(walker.analysis.arithmetic, name, one)
    walker.sets({name})
    before = walker.state.cwd
    for index, value in enumerate(values):
        walker.state.bindings[name] = value
        if index:
            with walker.repeated():
                walker.statement(children[-1])
        else:
            walker.statement(children[-1])
    walker.state.bindings.pop(name, None)
    _again_if_moved(walker, before, children[-1:])


def _again_if_moved(walker: AbstractWalker, before: str | None, statements: list[Node]) -> None:
    """Walk what is repeated once more, not knowing where it runs, if it has changed the working directory."""
    if walker.state.cwd == before:
        return
    walker.state.cwd = None
    with walker.repeated():
        for statement in statements:
            walker.statement(statement)
    walker.state.cwd = None


def _values(walker: AbstractWalker, node: Node, name: str, start: int, stop: int) -> list[str]:
    while stop > start and walker.text[stop - 1] in "; \t\n":
        stop -= 1
    collect_expansions(node, walker.nodes, walker.analysis.steps)
    held: list[tuple[AbstractWalker, Node]] = walker.pending
    waiting = walker.pending = list[tuple[AbstractWalker, Node]]()
    words: list[str] = []
    for token in walker.lexer.tokens(start, stop, arguments=True):
        if not isinstance(token, Word):
            raise Unproved("an unexpected word in a loop's list")
        words.append(token.text)
    begin, listed = len(walker.analysis.commands), walker.text[start:stop].strip()
    alone = len(waiting) == 1 and listed.startswith("$(") and listed.endswith(")")
    walker.walk_pending()
    walker.pending = held
    if words == [UNKNOWN] and alone:
        words = [_tracked(walker.analysis.commands[begin:])]
    if not 0 < len(words) <= MAX_ROUNDS or any(UNKNOWN in word for word in words):
        return [UNKNOWN]
    return [UNKNOWN] if name in _assigned_in(walker.text) or _sets_variables(walker.text) else words


def _tracked(commands: list[SimpleCommand]) -> str:
    """Return what a substitution stands for whose commands name files that git tracks."""
    if commands and names_tracked(commands[0].words):
        return fed_names(SimpleCommand((), (), stdin=Stdin("pipe", None, tuple(commands))))
    return UNKNOWN


@lru_cache(MAX_KEPT)
def _assigned_in(text: str) -> frozenset[str]:
    """Return the names that a text assigns to; kept, because every loop of a text asks."""
    return frozenset(ASSIGNED.findall(text))


@lru_cache(MAX_KEPT)
def _sets_variables(text: str) -> bool:
    return SETS_VARIABLES.search(text) is not None


def counting(walker: AbstractWalker, node: Node, _reach: int = 0) -> None:
    """Walk `for ((...; ...; ...))`."""
    children = parts(walker.shape, node)
    if children[-1].type not in {"do_group", "compound_statement"}:
        raise Unproved("an unexpected loop")
    walk_substitutions(walker, node, children[1].start_byte, children[-1].start_byte)
    header = walker.text[children[1].start_byte : children[-1].start_byte]
    header = arithmetic.without_substitutions(re.sub(r"\bdo\b", " ", header))
    arithmetic.evaluate(walker.analysis.arithmetic, header, walker.state.bindings)
    walker.sets(names_assigned(header))
    walker.statement(children[-1])
