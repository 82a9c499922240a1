"""Checks every rule against its own examples: a policy whose rules do not say what they mean never loads."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from actors.speed_layer.command.paths import join
from actors.speed_layer.command.simple_command import UNKNOWN
from actors.speed_layer.command.steps import OutOfSteps
from actors.speed_layer.policy.loading.compiled_rules import CompiledRules
from actors.speed_layer.policy.loading.sources import Entry, PolicyError
from actors.speed_layer.policy.rule_tables import CommandRule, PathRule
from actors.speed_layer.policy.ruling import RuleTrace
from actors.speed_layer.shell.analysis import analyse

MAX_EXAMPLES: Final = 20_000
"""How many examples are tried: a second of them. The shipped packs have a tenth."""
WORKSPACE: Final = "/home/dev/project"


def check(rules: CompiledRules) -> None:
    """Check all examples.

    Raises:
        PolicyError: A rule fails one of its own, with the rule's line.
    """
    left = MAX_EXAMPLES
    for entry in rules.entries:
        table = entry.table
        left -= len(getattr(table, "match", [])) + len(getattr(table, "not_match", []))
        if left < 0:
            what = f"there are more than {MAX_EXAMPLES:,} examples"
            raise PolicyError(entry.source.name, entry.line, what, "remove some of this rule's and of those behind it")
        for expected, examples in ((True, getattr(table, "match", [])), (False, getattr(table, "not_match", []))):
            for example in examples:
                if _matches(rules, entry, example) is not expected:
                    verb = "does not match" if expected else "matches"
                    what = f"rule {table.id!r} {verb} its own example {example!r}"
                    raise PolicyError(entry.source.name, entry.line, what, "correct the rule or the example")


def _matches(rules: CompiledRules, entry: Entry, example: str) -> bool:
    table = entry.table
    if isinstance(table, CommandRule):
        trace: list[RuleTrace] = []
        workspace = rules.paths.workspace(WORKSPACE)
        analysis = analyse(example, WORKSPACE)
        analysis.steps.go_on_to_judging()
        with suppress(OutOfSteps):
            for command in analysis.commands:
                rules.judge.judge(command, workspace, analysis.steps, [], trace)
        return any(one.matched for one in trace if one.id == table.id)
    if isinstance(table, PathRule):
        absolute = join(WORKSPACE, example.replace(UNKNOWN, ""))
        return absolute is not None and rules.paths.covers(table.id, absolute, rules.paths.workspace(WORKSPACE))
    raise PolicyError(entry.source.name, entry.line, "examples are for command and path rules", "remove them here")
