"""The verdict over a whole shell line: the strictest over its commands, and rules over what is on it together."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.speed_layer import fetched
from actors.speed_layer.compiled import Tables
from actors.speed_layer.inner_commands import RECURSION
from actors.speed_layer.judge import Trace
from actors.speed_layer.path_rules import RANK, Finding, Workspace, shortened
from actors.speed_layer.shell import analyse
from actors.speed_layer.simple_command import UNKNOWN, Analysis

if TYPE_CHECKING:
    from actors.speed_layer.policy import Ruling

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


def judge_line(
    tables: Tables, arguments: dict[str, Any], cwd: str | None, trace: list[Trace] | None
) -> tuple[Ruling, list[list[str | None]], list[str]]:
    """Return the ruling on a shell line, its commands and what could not be proved."""
    from actors.speed_layer.policy import Ruling  # noqa: PLC0415 - the policy is built on this module

    line = command_line(arguments)
    if line is None:
        return Ruling("ask", "'command' is missing, or neither text nor a list of words", None, False), [], []
    analysis = analyse(line, cwd)
    said = list[Finding]()
    best = _strictest(tables, analysis, cwd, trace, said)
    if RECURSION in analysis.unproved and BOMB.search(line):
        best = Finding("deny", "core.fork-bomb", "a function that starts itself over and over")
    listed = [list(one.argv) for one in analysis.commands if one.listed and one.argv]
    if best is None and not analysis.unproved:
        return Ruling("ask", "there is no command in it", None, False), listed, []
    if analysis.unproved and (best is None or best.verdict == "allow"):
        return (
            Ruling("ask", shortened(f"it cannot be proved what it runs: {analysis.unproved[0]}"), None, False),
            listed,
            analysis.unproved,
        )
    assert best is not None
    ruling = Ruling(best.verdict, shortened(best.reason), best.rule, best.verdict != "ask")
    return (tables.marks.on(ruling, said) if said else ruling), listed, analysis.unproved


def _strictest(
    tables: Tables, analysis: Analysis, cwd: str | None, trace: list[Trace] | None, said: list[Finding]
) -> Finding | None:
    """Return the strictest finding; `said` gets all of them if a rule of the policy asks for more than its verdict."""
    workspace = tables.paths.workspace(cwd)
    best: Finding | None = None
    tags = set[str]()
    for command in analysis.commands:
        if not command.judged:
            continue
        findings = tables.judge.judge(command, workspace, trace)
        if tables.marks:
            said.extend(findings)
        for finding in findings:
            if best is None or RANK[finding.verdict] > RANK[best.verdict]:
                best = finding
            tags.update(finding.tags)
    if NETWORK in tags:
        refusal = fetched.run(analysis.commands)
        best = refusal or best
        tags.update(_mentioned(tables, analysis, workspace))
    if tags:
        for rule in tables.lines:
            if tags.issuperset(rule.tags) and (best is None or RANK[rule.verdict] > RANK[best.verdict]):
                best = Finding(rule.verdict, rule.id, rule.reason)
                said.append(best)
    return best


def _mentioned(tables: Tables, analysis: Analysis, workspace: Workspace) -> set[str]:
    """Return the marks of every path mentioned in a word, for lines that also reach the network."""
    found = set[str]()
    for command in analysis.commands:
        for word in command.words[1:]:
            for piece in PIECES.split(word):
                if piece and UNKNOWN not in piece:
                    found.update(tables.paths.judge(piece, command.cwd, "read", workspace).tags)
    return found
