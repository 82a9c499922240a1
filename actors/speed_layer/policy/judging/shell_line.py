"""The verdict over a whole shell line: the strictest over its commands, and rules over what is on it together."""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

import msgspec

from actors.speed_layer.command.simple_command import UNKNOWN, Analysis
from actors.speed_layer.policy.loading.compiled_rules import CompiledRules
from actors.speed_layer.policy.matching.fetched_and_run import runs_what_it_fetched
from actors.speed_layer.policy.matching.path_rules import Finding, Workspace, shortened, strictest
from actors.speed_layer.policy.ruling import RuleTrace, Ruling
from actors.speed_layer.shell.analysis import analyse
from actors.speed_layer.shell.walking.command_effects import RECURSION

PIECES: Final = re.compile(r"[=@:,;'\"\s()]+")
NETWORK: Final = "network"
BOMB: Final = re.compile(r"([\w:.@+-]+)\s*\(\s*\)\s*\{[^}]*?(?<![\w:.@+-])\1\s*(?:\|\s*\1(?![\w:.@+-])|&(?!&))")
"""A function that pipes itself into itself, or starts itself in the background."""


def command_line(arguments: dict[str, Any]) -> str | None:
    """Return the shell line of a shell tool's input: `command` as text or a list of words; `None` if it is neither."""
    command: Any = arguments.get("command")
    if isinstance(command, str):
        return command
    try:
        words = msgspec.convert(command, list[str])
    except msgspec.ValidationError:
        return None
    return shlex.join(words) if words else None


def rule_on_line(
    rules: CompiledRules, line: str | None, cwd: str | None, excluded: frozenset[str] = frozenset()
) -> Ruling:
    """Return the ruling on a shell line, `None` for an input that holds none.

    Args:
        rules: The rules.
        line: The line.
        cwd: The request's working directory.
        excluded: The ids of rules that do not hold for the role that asks, or at this time.
    """
    if line is None:
        return Ruling("ask", "'command' is missing, or neither text nor a list of words", None, False)
    return judge_analysis(rules, line, analyse(line, cwd), rules.workspace(cwd, excluded))


def judge_analysis(
    rules: CompiledRules, line: str, analysis: Analysis, workspace: Workspace, trace: list[RuleTrace] | None = None
) -> Ruling:
    """Return the ruling on an analysed line."""
    said = _findings(rules, analysis, workspace, trace)
    if RECURSION in analysis.unproved and BOMB.search(line):
        said.insert(0, Finding("deny", "core.fork-bomb", "a function that starts itself over and over"))
    best = strictest(said)
    if best is None and not analysis.unproved:
        return Ruling("ask", "there is no command in it", None, False)
    if analysis.unproved and (best is None or best.verdict == "allow"):
        why = shortened(f"it cannot be proved what it runs: {analysis.unproved[0]}")
        return Ruling("ask", why, None, False)
    assert best is not None
    ruling = Ruling(best.verdict, shortened(best.reason), best.rule, best.verdict != "ask")
    return rules.audit_and_limits.applied_to(ruling, said) if rules.audit_and_limits else ruling


def _findings(
    rules: CompiledRules, analysis: Analysis, workspace: Workspace, trace: list[RuleTrace] | None
) -> list[Finding]:
    """Return what the rules say to every command, then what they say to the line as a whole."""
    said = list[Finding]()
    for command in analysis.commands:
        if command.judged:
            said += rules.judge.judge(command, workspace, trace)
    tags = {tag for finding in said if finding.tags for tag in finding.tags}
    if NETWORK in tags:
        refusal = runs_what_it_fetched(analysis.commands)
        if refusal is not None:
            said.insert(0, refusal)
        tags.update(_mentioned(rules, analysis, workspace))
    if tags:
        lines = (rule for rule in rules.lines if tags.issuperset(rule.tags) and rule.id not in workspace.excluded)
        said += [Finding(rule.verdict, rule.id, rule.reason) for rule in lines]
    return said


def _mentioned(rules: CompiledRules, analysis: Analysis, workspace: Workspace) -> set[str]:
    """Return the tags of every path mentioned in a word, for lines that also reach the network."""
    found = set[str]()
    for command in analysis.commands:
        for word in command.words[1:]:
            for piece in PIECES.split(word):
                if piece and UNKNOWN not in piece:
                    found.update(rules.paths.judge(piece, command.cwd, "read", workspace).tags)
    return found
