"""Command rules compiled into a trie over first words, and how one rule looks at one command."""

from __future__ import annotations

import re
from itertools import product
from typing import Final

import msgspec

from actors.speed_layer.conditions import Condition, conditions
from actors.speed_layer.kinds import Pattern, pattern
from actors.speed_layer.options import NO_OPTIONS, Grammar, Parsed, grammar, parse
from actors.speed_layer.path_rules import Finding
from actors.speed_layer.rules import CommandRule, Layer, ProgramTable
from actors.speed_layer.simple_command import SimpleCommand

VERSIONED: Final = re.compile(r"(python|pip|pypy|ruby|node|php|perl|clang|gcc|llvm-config)[0-9][0-9.]*\Z")


class Compiled(msgspec.Struct, frozen=True):
    """A command rule with everything prepared."""

    rule: CommandRule
    options: Grammar
    args: Pattern
    args_with: tuple[tuple[frozenset[str], Pattern], ...]
    conditions: tuple[tuple[Condition, str], ...]
    finding: Finding
    layer: Layer
    allows: bool


class Found(msgspec.Struct, frozen=True):
    """A rule whose first words a command has.

    Attributes:
        compiled: The rule.
        start: Index of the first word behind the prefix.
        known: The options that may stand behind the prefix: the rule's, and those of the program that may stand
            anywhere.
        front: The options that stood before the subcommand.
    """

    compiled: Compiled
    start: int
    known: Grammar
    front: tuple[Parsed, ...] = ()


class Node(msgspec.Struct):
    """A prefix of words.

    Attributes:
        rules: The rules that begin with it.
        options: The options that may stand behind it.
        anywhere: Whether they may also stand behind longer prefixes.
        children: The words that may follow.
        own: The rules as they are found.
        found: They and those of all shorter prefixes, as they are found in a command without options between.
    """

    rules: list[Compiled] = []
    options: Grammar = NO_OPTIONS
    anywhere: bool = False
    children: dict[str, Node] = {}
    own: tuple[Found, ...] = ()
    found: tuple[Found, ...] = ()


def program_name(word: str) -> str:
    """Return the name a program is looked up by: no directory, no version."""
    name = word.rpartition("/")[2] if "/" in word else word
    if name.isalpha():
        return name
    versioned = VERSIONED.match(name)
    return versioned[1] if versioned else name


def compile_rule(rule: CommandRule, layer: Layer) -> Compiled:
    """Prepare a rule.

    Raises:
        ValueError: An option, kind or regular expression of it is none.
    """
    with_ = tuple((frozenset(names.split()), pattern(row)) for names, row in rule.args_with.items())
    options = grammar(rule.options, words=rule.style != "gnu")
    for kind in options.options.values():
        if kind:
            pattern(kind)
    finding = Finding(rule.verdict, rule.id, rule.reason, tuple(rule.tags))
    return Compiled(rule, options, pattern(rule.args), with_, conditions(rule), finding, layer, rule.verdict == "allow")


class CommandRules:
    """All command rules of a policy, found by a command's first words."""

    def __init__(self) -> None:
        self._root = Node()
        self._scripts = list[Compiled]()
        self._otherwise = list[Compiled]()

    def add(self, compiled: Compiled) -> None:
        """Add a rule under each of its prefixes; one over scripts is looked at for every program with a folder."""
        if compiled.rule.otherwise:
            self._otherwise.append(compiled)
            return
        if compiled.rule.script:
            self._scripts.append(compiled)
            return
        for prefix in product(*(part.split("|") for part in compiled.rule.argv)):
            self._node(prefix).rules.append(compiled)

    def add_program(self, table: ProgramTable) -> None:
        """Add the options of a program; raise `ValueError` if one is none."""
        node = self._node(tuple(table.name.split()))
        node.options = grammar(table.options, words=table.style == "words")
        node.anywhere = table.anywhere

    def knows(self, name: str) -> bool:
        """Return whether any rule or program table begins with this program."""
        return name in self._root.children

    def _node(self, prefix: tuple[str, ...]) -> Node:
        node = self._root
        for word in prefix:
            node = node.children.setdefault(word, Node())
        return node

    def otherwise(self) -> list[Found]:
        """Return the rules over commands that no other rule covers."""
        return [Found(one, 1, one.options) for one in self._otherwise]

    def prepare(self) -> None:
        """Work out what a command finds at every prefix; call it when all is added."""
        self._prepare(self._root, (), 0, NO_OPTIONS)

    def _prepare(self, node: Node, before: tuple[Found, ...], depth: int, everywhere: Grammar) -> None:
        node.found = before + node.own
        if node.anywhere:
            everywhere = everywhere.joined(node.options) if everywhere.options else node.options
        any_word = node.children.get("*")
        beside = () if any_word is None else _found(any_word, depth + 1, everywhere)
        for child in node.children.values():
            within = everywhere
            if child.anywhere:
                within = everywhere.joined(child.options) if everywhere.options else child.options
            own = _found(child, depth + 1, within)
            child.own = own if child is any_word else beside + own
            self._prepare(child, node.found, depth + 1, everywhere)

    def find(self, command: SimpleCommand) -> tuple[Found, ...]:
        """Return the rules whose prefix a command has, the shortest prefix first."""
        words = command.words
        scripts = tuple(Found(one, 1, one.options) for one in self._scripts) if "/" in words[0] else ()
        node = self._root.children.get(program_name(words[0]))
        if node is None:
            return scripts
        for index in range(1, len(words)):
            children = node.children
            if not children:
                break
            word = words[index]
            if word[:1] == "-":
                return scripts + self._find_behind(node, command, index)
            following = children.get(word) or children.get("*")
            if following is None:
                break
            node = following
        return scripts + node.found if scripts else node.found

    def _find_behind(self, node: Node | None, command: SimpleCommand, index: int) -> tuple[Found, ...]:
        """Find on from a prefix behind which options stand."""
        assert node is not None
        words, count = command.words, len(command.words)
        found, front = list(node.found), tuple[Parsed, ...]()
        while node.children and index < count:
            if words[index][:1] == "-":
                parsed = parse(node.options, words, index, command.globs, posix=True)
                front = (*front, parsed)
                index = parsed.rest
                if index >= count:
                    break
            any_word = node.children.get("*")
            node = node.children.get(words[index])
            index += 1
            if node is None:
                node = any_word
            if node is None:
                break
            found += [Found(one.compiled, index, one.known, front) for one in node.own]
        return tuple(found)


def _found(node: Node, depth: int, everywhere: Grammar) -> tuple[Found, ...]:
    """Return a node's rules as they are found."""
    return tuple(
        Found(one, depth, one.options.joined(everywhere) if everywhere.options else one.options) for one in node.rules
    )
