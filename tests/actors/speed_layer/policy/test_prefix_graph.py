"""The graph of prefixes, beside a tree that has a node for each product of the rules' alternatives."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.speed_layer.command.options import NO_OPTIONS, Grammar, grammar
from actors.speed_layer.policy.engine import Policy
from actors.speed_layer.policy.matching.command_prefix_graph import (
    Prefixed,
    PrefixGraph,
    PrefixMatch,
    PrefixNode,
    Program,
)
from actors.speed_layer.policy.matching.command_rule_lookup import CommandRules, compile_rule
from actors.speed_layer.policy.rule_tables import CommandRule, ProgramTable

WORDS = st.sampled_from(["a", "b", "c", "*"])
PLACES = st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=3)
OPTIONS = st.sampled_from(["", "-x", "-y=", "-z=?", "*", "-# -x="])


class Branch:
    """A node of the tree."""

    def __init__(self) -> None:
        self.children: dict[str, Branch] = {}
        self.rules: list[tuple[str, Grammar]] = []
        self.options, self.anywhere = NO_OPTIONS, False


def tree(everything: list[Prefixed]) -> Branch:
    root = Branch()
    for words, what in everything:
        for prefix in product(*words):
            branch = root
            for word in prefix:
                branch = branch.children.setdefault(word, Branch())
            if isinstance(what, Program):
                branch.options, branch.anywhere = what.options, what.anywhere
            else:
                branch.rules.append((what.rule.id, what.options))
    return root


def below(branch: Branch, everywhere: Grammar) -> Grammar:
    if not branch.anywhere:
        return everywhere
    return everywhere.joined(branch.options) if everywhere.options else branch.options


def own(branch: Branch, depth: int, everywhere: Grammar) -> list[Any]:
    within = below(branch, everywhere)
    return [(name, depth, options.joined(within) if within.options else options) for name, options in branch.rules]


def shown(found: tuple[PrefixMatch, ...]) -> list[Any]:
    return [(one.compiled.rule.id, one.start, one.known) for one in found]


def assert_alike(
    node: PrefixNode, branch: Branch, *, depth: int, before: list[Any], its: list[Any], everywhere: Grammar
) -> None:
    assert shown(node.own) == its
    assert shown(node.found) == before + its
    assert node.options == branch.options
    assert node.children.keys() == branch.children.keys()
    everywhere = below(branch, everywhere)
    any_word = branch.children.get("*")
    beside = own(any_word, depth + 1, everywhere) if any_word else []
    for word, child in branch.children.items():
        theirs = beside if child is any_word else beside + own(child, depth + 1, everywhere)
        assert_alike(
            node.children[word], child, depth=depth + 1, before=before + its, its=theirs, everywhere=everywhere
        )


@given(
    rules=st.lists(st.tuples(PLACES, OPTIONS), max_size=6),
    programs=st.lists(
        st.tuples(st.lists(st.sampled_from("abc"), min_size=1, max_size=2), OPTIONS, st.booleans()), max_size=4
    ),
)
def test_a_command_finds_what_it_finds_in_a_tree_of_all_products(rules: Any, programs: Any) -> None:
    everything = [
        Prefixed(tuple((word,) for word in name), Program(grammar(options), anywhere))
        for name, options, anywhere in programs
    ]
    for number, (places, options) in enumerate(rules):
        argv = ["|".join(place) for place in places]
        rule = CommandRule(id=str(number), reason="r", verdict="ask", argv=argv, options=options)
        everything.append(Prefixed(tuple(map(tuple, places)), compile_rule(rule, "project")))
    assert_alike(PrefixGraph(everything).root, tree(everything), depth=0, before=[], its=[], everywhere=NO_OPTIONS)


def test_prefixes_behind_which_the_same_may_follow_are_one_node() -> None:
    rules = CommandRules()
    argv = ["cloud", "|".join(f"service{n}" for n in range(50)), "|".join(f"list{n}" for n in range(50))]
    rules.add(compile_rule(CommandRule(id="r", reason="r", verdict="allow", argv=argv), "project"))
    rules.add_program(ProgramTable(name="cloud", options="--region="))
    rules.prepare()
    assert len(nodes_of(rules)) == 4


def test_the_shipped_policy_has_few_nodes_for_its_many_prefixes() -> None:
    assert len(nodes_of(Policy.default()._rules.commands)) < 2_500


def nodes_of(rules: CommandRules) -> set[int]:
    waiting, seen = [rules._root], dict[int, PrefixNode]()
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen[id(node)] = node
            waiting += node.children.values()
    return set(seen)
