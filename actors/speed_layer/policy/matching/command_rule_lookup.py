"""The command rules of a policy, found by a command's first words."""

from __future__ import annotations

import re
from typing import Final

from actors.speed_layer.command.options import Parsed, grammar, parse
from actors.speed_layer.command.simple_command import SimpleCommand
from actors.speed_layer.policy.matching.allowed_words import pattern
from actors.speed_layer.policy.matching.code_files import may_run
from actors.speed_layer.policy.matching.command_prefix_graph import (
    CompiledCommandRule,
    Prefixed,
    PrefixGraph,
    PrefixMatch,
    PrefixNode,
    Program,
)
from actors.speed_layer.policy.matching.conditions import conditions
from actors.speed_layer.policy.matching.path_rules import Finding
from actors.speed_layer.policy.rule_tables import CommandRule, Layer, ProgramTable

VERSIONED: Final = re.compile(r"(python|pip|pypy|ruby|node|php|perl|clang|gcc|llvm-config)[0-9][0-9.]*\Z")


def program_name(word: str) -> str:
    """Return the name a program is looked up by: no directory, no version."""
    name = word.rpartition("/")[2] if "/" in word else word
    if name.isalpha():
        return name
    versioned = VERSIONED.match(name)
    return versioned[1] if versioned else name


def compile_rule(rule: CommandRule, layer: Layer) -> CompiledCommandRule:
    """Prepare a rule.

    Raises:
        ValueError: An option, a kind or a regular expression in it is invalid.
    """
    with_ = tuple((frozenset(names.split()), pattern(row)) for names, row in rule.args_with.items())
    pattern(rule.fed)
    options = grammar(rule.options, words=rule.style != "gnu")
    for kind in set(options.options.values()):
        if kind:
            pattern(kind)
    finding = Finding(
        rule.verdict,
        rule.id,
        rule.reason,
        tuple(rule.tags),
        runs=may_run(rule.id, rule.argv[0]),
        aside=rule.aside or rule.wraps,
    )
    return CompiledCommandRule(
        rule, options, pattern(rule.args), with_, conditions(rule), finding, layer, rule.verdict == "allow"
    )


class CommandRules:
    """All command rules of a policy, found by a command's first words."""

    def __init__(self) -> None:
        self._prefixed: list[Prefixed] = []
        self._root = PrefixNode()
        self._scripts: list[CompiledCommandRule] = []
        self._otherwise: list[PrefixMatch] = []

    def add(self, compiled: CompiledCommandRule) -> None:
        """Add a rule under each of its prefixes; one over scripts is looked at for every program with a folder."""
        if compiled.rule.otherwise:
            self._otherwise.append(PrefixMatch(compiled, 1, compiled.options))
        elif compiled.rule.script:
            self._scripts.append(compiled)
        else:
            words = tuple(tuple(part.split("|")) for part in compiled.rule.argv)
            self._prefixed.append(Prefixed(words, compiled))

    def add_program(self, table: ProgramTable) -> None:
        """Add the options of a program; raise `ValueError` if one is invalid."""
        program = Program(grammar(table.options, words=table.style == "words"), table.anywhere)
        self._prefixed.append(Prefixed(tuple((word,) for word in table.name.split()), program))

    def knows(self, name: str) -> bool:
        """Return whether any rule or program table begins with this program."""
        return any(name in one.words[0] for one in self._prefixed if one.words)

    def speak_of(self, program: str) -> bool:
        """Return whether any rule or program table begins with this program, however its name is written."""
        return program_name(program) in self._root.children

    def otherwise(self) -> list[PrefixMatch]:
        """Return the rules over commands that no other rule covers."""
        return self._otherwise

    def prepare(self) -> None:
        """Work out what a command finds at every prefix; call it once, when all is added.

        Raises:
            ValueError: There would be too many prefixes.
        """
        self._root = PrefixGraph(self._prefixed).root
        self._prefixed.clear()

    def find(self, command: SimpleCommand) -> tuple[PrefixMatch, ...]:
        """Return the rules whose prefix a command has, the shortest prefix first."""
        words = command.words
        scripts = tuple(PrefixMatch(one, 1, one.options) for one in self._scripts) if "/" in words[0] else ()
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

    def _find_behind(self, node: PrefixNode | None, command: SimpleCommand, index: int) -> tuple[PrefixMatch, ...]:
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
            found += [PrefixMatch(one.compiled, index, one.known, front) for one in node.own]
        return tuple(found)
