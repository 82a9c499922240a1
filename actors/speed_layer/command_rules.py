"""Command rules compiled into a trie over first words, and how one rule looks at one command."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from actors.speed_layer.kinds import Pattern, pattern
from actors.speed_layer.options import NO_OPTIONS, Grammar, Parsed, grammar, parse
from actors.speed_layer.path_rules import Finding
from actors.speed_layer.rules import CommandRule, ProgramTable
from actors.speed_layer.simple_command import SimpleCommand

SHORT: Final = 2
"""Length of an option like `-x`."""
VERSIONED: Final = re.compile(r"(python|pip|pypy|ruby|node|php|perl|clang|gcc|llvm-config)[0-9][0-9.]*\Z")


class Given:
    """Looks for options among a command's words, in any form: alone, in a bundle, with a value.

    Args:
        names: The options.
        loosely: Whether a long option may be abbreviated.
    """

    __slots__ = ("_exact", "_letters", "_long")

    def __init__(self, names: list[str], *, loosely: bool) -> None:
        self._exact = frozenset(names)
        self._letters = frozenset(name[1] for name in names if len(name) == SHORT and name[0] == "-")
        self._long = tuple(name for name in names if name.startswith("--")) if loosely else ()

    def among(self, dashed: list[str], words: tuple[str, ...]) -> bool:
        """Return whether one is given.

        Args:
            dashed: The words that begin with a dash.
            words: All words, for options that have none (`tar x`).
        """
        for word in dashed:
            name = word.partition("=")[0]
            if name in self._exact:
                return True
            if word[1:2] != "-":
                if not self._letters.isdisjoint(name):
                    return True
            elif len(name) > SHORT + 2 and self._long and any(long.startswith(name) for long in self._long):
                return True
        return not self._exact.isdisjoint(words)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A command rule with everything prepared."""

    rule: CommandRule
    options: Grammar
    args: Pattern
    args_with: tuple[tuple[frozenset[str], Pattern], ...]
    words: re.Pattern[str] | None
    text: re.Pattern[str] | None
    fed_by: frozenset[str]
    has: Given | None
    unless_has: Given | None
    conditional: bool
    finding: Finding
    layer: str


@dataclass(slots=True)
class Node:
    """A prefix of words: the rules that begin with it, the options it has, the words that may follow."""

    rules: list[Compiled] = field(default_factory=list[Compiled])
    options: Grammar = NO_OPTIONS
    anywhere: bool = False
    children: dict[str, Node] = field(default_factory=dict[str, "Node"])


@dataclass(slots=True)
class Found:
    """A rule whose first words a command has.

    Attributes:
        compiled: The rule.
        rest: Index of the first word behind the prefix.
        globals: The options that stood before the subcommand.
        words: The command's words, as the rule's program has them.
    """

    compiled: Compiled
    rest: tuple[str, ...]
    offset: tuple[int, ...]
    front: list[Parsed]
    everywhere: Grammar


def program_name(word: str) -> str:
    """Return the name a program is looked up by: no directory, no version."""
    name = word.rpartition("/")[2]
    versioned = VERSIONED.match(name)
    return versioned[1] if versioned else name


def compile_rule(rule: CommandRule, layer: str) -> Compiled:
    """Prepare a rule.

    Raises:
        ValueError: An option, kind or regular expression of it is none.
    """
    words, text = _either(rule.words), _either(rule.text)
    with_ = tuple((frozenset(names.split()), pattern(row)) for names, row in rule.args_with.items())
    options = grammar(rule.options, words=rule.style != "gnu")
    for kind in options.options.values():
        if kind:
            pattern(kind)
    loosely = rule.verdict == "allow"
    has = Given(rule.has, loosely=True) if rule.has else None
    unless_has = Given(rule.unless_has, loosely=loosely) if rule.unless_has else None
    conditional = bool(
        has or unless_has or words or text or rule.via or rule.fed_by or rule.writes or rule.script or rule.dumps
    )
    finding = Finding(rule.verdict, rule.id, rule.reason, tuple(rule.tags))
    args = pattern(rule.args)
    fed_by = frozenset(rule.fed_by)
    return Compiled(rule, options, args, with_, words, text, fed_by, has, unless_has, conditional, finding, layer)


def _either(patterns: list[str]) -> re.Pattern[str] | None:
    """Return one pattern for several; `(?i)` at the start of one counts for it alone."""
    if not patterns:
        return None
    parts = [f"(?i:{one[4:]})" if one.startswith("(?i)") else f"(?:{one})" for one in patterns]
    try:
        return re.compile("|".join(parts))
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


class CommandRules:
    """All command rules of a policy, found by a command's first words."""

    def __init__(self) -> None:
        self._root = Node()

    def add(self, compiled: Compiled) -> None:
        """Add a rule under each of its prefixes."""
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

    def find(self, command: SimpleCommand) -> list[Found]:
        """Return the rules whose prefix a command has, the shortest prefix first."""
        words = command.words
        node = self._root.children.get(program_name(words[0]))
        anyone = self._root.children.get("*")
        found = list[Found]()
        everything = tuple(range(1, len(words)))
        if anyone is not None:
            found.extend(Found(one, words[1:], everything, [], NO_OPTIONS) for one in anyone.rules)
        index, offset = 1, everything
        front = list[Parsed]()
        everywhere = NO_OPTIONS
        while node is not None:
            if node.anywhere:
                everywhere = everywhere.joined(node.options) if everywhere.options else node.options
            rest = words[index:]
            found.extend(
                Found(one, rest, offset[-len(rest) :] if rest else (), front, everywhere) for one in node.rules
            )
            if not node.children:
                break
            if node.options is not NO_OPTIONS or words[index : index + 1] and words[index][:1] == "-":
                parsed = parse(node.options, words, index, command.globs, posix=True)
                if parsed.options or parsed.unknown:
                    front = [*front, parsed]
                index = parsed.rest
            if index >= len(words):
                break
            node = node.children.get(words[index]) or node.children.get("*")
            index += 1
        return found
