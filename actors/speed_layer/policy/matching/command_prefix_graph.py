"""Command rules by the first words of a command, as a graph: prefixes behind which the same may follow share a node.

Rules name alternatives at every place, so that a tree would have a node for each of their products, fifteen thousand
for the shipped policy. Which rules go on is all that counts for what may follow, as in the subset construction that
makes a deterministic automaton of another (Rabin and Scott, 1959): that leaves a few hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from actors.speed_layer.command.options import NO_OPTIONS, Grammar, Parsed
from actors.speed_layer.policy.matching.allowed_words import Pattern
from actors.speed_layer.policy.matching.conditions import Condition
from actors.speed_layer.policy.matching.path_rules import Finding
from actors.speed_layer.policy.rule_tables import CommandRule, Layer

ANY_WORD: Final = "*"

MAX_NODES: Final = 20_000
"""How many nodes a policy may have. The shipped one has some hundreds; of rules with alternatives at every place, each
rule can double them, and two thousand bytes make a million."""


class CompiledCommandRule(msgspec.Struct, frozen=True):
    """A command rule with everything prepared."""

    rule: CommandRule
    options: Grammar
    args: Pattern
    args_with: tuple[tuple[frozenset[str], Pattern], ...]
    conditions: tuple[tuple[Condition, str], ...]
    finding: Finding
    layer: Layer
    allows: bool


class PrefixMatch(msgspec.Struct, frozen=True):
    """A rule whose first words a command has.

    Attributes:
        compiled: The rule.
        start: Index of the first word behind the prefix.
        known: The options that may stand behind the prefix: the rule's, and those of the program that may stand
            anywhere.
        front: The options that stood before the subcommand.
    """

    compiled: CompiledCommandRule
    start: int
    known: Grammar
    front: tuple[Parsed, ...] = ()


class PrefixNode(msgspec.Struct, frozen=True):
    """Prefixes of words.

    Attributes:
        children: The words that may follow.
        options: The options that may stand behind it.
        own: The rules that end with it, as they are found.
        found: They and those of all shorter prefixes, as they are found in a command without options between.
    """

    children: dict[str, PrefixNode] = {}
    options: Grammar = NO_OPTIONS
    own: tuple[PrefixMatch, ...] = ()
    found: tuple[PrefixMatch, ...] = ()


class Program(NamedTuple):
    """The options of a program.

    Attributes:
        options: The options that may stand behind its prefix.
        anywhere: Whether they may also stand behind longer prefixes.
    """

    options: Grammar
    anywhere: bool


NO_PROGRAM: Final = Program(NO_OPTIONS, anywhere=False)


class Prefixed(NamedTuple):
    """What stands behind a prefix.

    Attributes:
        words: The prefix: the words that may stand at each of its places.
        what: What stands there.
    """

    words: tuple[tuple[str, ...], ...]
    what: CompiledCommandRule | Program


class PrefixGraph:
    """The nodes of a policy; they are made once.

    Args:
        everything: All rules and programs with their prefixes; of rules found at the same place the first here comes
            first, of programs the last one counts.

    Raises:
        ValueError: They would have more nodes than `MAX_NODES`.

    Attributes:
        root: The node of no words at all.
    """

    def __init__(self, everything: Sequence[Prefixed]) -> None:
        self._everything = everything
        self._nodes: dict[tuple[object, ...], PrefixNode] = {}
        self._joined: dict[tuple[int, int], Grammar] = {}
        self._found: dict[tuple[int, int, int], PrefixMatch] = {}
        self.root = self._node(tuple(range(len(everything))), 0, (), (), NO_OPTIONS)

    def _node(
        self,
        going: tuple[int, ...],
        depth: int,
        before: tuple[PrefixMatch, ...],
        own: tuple[PrefixMatch, ...],
        everywhere: Grammar,
    ) -> PrefixNode:
        """Return the node of a prefix.

        Args:
            going: Which of everything have it, as indexes.
            depth: How many words it has.
            before: What is found at shorter ones.
            own: What is found at itself.
            everywhere: The options that may stand anywhere behind shorter ones.
        """
        key = (going, depth, tuple(map(id, before)), tuple(map(id, own)), id(everywhere))
        known = self._nodes.get(key)
        if known is None:
            if len(self._nodes) >= MAX_NODES:
                what = f"the first words of its rules can be combined in more than {MAX_NODES:,} ways"
                raise ValueError(what)
            known = self._nodes[key] = self._made(going, depth, before + own, own, everywhere)
        return known

    def _made(
        self,
        going: tuple[int, ...],
        depth: int,
        found: tuple[PrefixMatch, ...],
        own: tuple[PrefixMatch, ...],
        everywhere: Grammar,
    ) -> PrefixNode:
        program = self._program(going, depth)
        everywhere = self._within(program, everywhere)
        following = self._following(going, depth)
        beside = self._own(following.get(ANY_WORD, ()), depth + 1, everywhere)
        children, alike = dict[str, PrefixNode](), dict[tuple[int, ...], PrefixNode]()
        for word, theirs in following.items():
            if word == ANY_WORD:
                children[word] = self._node(theirs, depth + 1, found, beside, everywhere)
                continue
            if theirs not in alike:
                its = beside + self._own(theirs, depth + 1, everywhere)
                alike[theirs] = self._node(theirs, depth + 1, found, its, everywhere)
            children[word] = alike[theirs]
        return PrefixNode(children, program.options, own, found)

    def _following(self, going: tuple[int, ...], depth: int) -> dict[str, tuple[int, ...]]:
        """Return the words that may follow a prefix, each with what goes on with it."""
        following: dict[str, list[int]] = {}
        for index in going:
            words = self._everything[index].words
            for word in words[depth] if len(words) > depth else ():
                following.setdefault(word, []).append(index)
        return {word: tuple(theirs) for word, theirs in following.items()}

    def _ending(self, going: tuple[int, ...], depth: int) -> Iterator[CompiledCommandRule | Program]:
        """Iterate over what ends with a prefix."""
        for index in going:
            words, what = self._everything[index]
            if len(words) == depth:
                yield what

    def _program(self, going: tuple[int, ...], depth: int) -> Program:
        programs = [what for what in self._ending(going, depth) if isinstance(what, Program)]
        return programs[-1] if programs else NO_PROGRAM

    def _own(self, going: tuple[int, ...], depth: int, everywhere: Grammar) -> tuple[PrefixMatch, ...]:
        """Return the rules that end with a prefix, as they are found."""
        within = self._within(self._program(going, depth), everywhere)
        rules = (what for what in self._ending(going, depth) if isinstance(what, CompiledCommandRule))
        return tuple(self._as_found(rule, depth, within) for rule in rules)

    def _as_found(self, rule: CompiledCommandRule, depth: int, everywhere: Grammar) -> PrefixMatch:
        known = self._join(rule.options, everywhere) if everywhere.options else rule.options
        key = (id(rule), depth, id(known))
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = PrefixMatch(rule, depth, known)
        return found

    def _within(self, program: Program, everywhere: Grammar) -> Grammar:
        """Return the options that may stand anywhere behind a program."""
        if not program.anywhere:
            return everywhere
        return self._join(everywhere, program.options) if everywhere.options else program.options

    def _join(self, one: Grammar, other: Grammar) -> Grammar:
        key = (id(one), id(other))
        joined = self._joined.get(key)
        if joined is None:
            joined = self._joined[key] = one.joined(other)
        return joined
