"""The verdict over a whole shell line: the strictest over its commands, and rules over what is on it together."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from actors.speed_layer.command.paths import normalised
from actors.speed_layer.command.simple_command import UNKNOWN, Analysis, SimpleCommand
from actors.speed_layer.command.steps import OutOfSteps, Steps
from actors.speed_layer.policy.judging.applied_patches import applied
from actors.speed_layer.policy.judging.deciding import told_together
from actors.speed_layer.policy.judging.footprints import Footprint, summed_up
from actors.speed_layer.policy.judging.plain_command import plain_one
from actors.speed_layer.policy.judging.shell_call import ShellCall
from actors.speed_layer.policy.judging.written_and_run import CHANGES, runs_what_it_wrote, written_files
from actors.speed_layer.policy.loading.compiled_rules import CompiledRules
from actors.speed_layer.policy.matching.emptied import group_emptied
from actors.speed_layer.policy.matching.fetched_and_run import runs_what_it_fetched
from actors.speed_layer.policy.matching.hidden_printed import prints_hidden
from actors.speed_layer.policy.matching.identity_options import payload
from actors.speed_layer.policy.matching.path_rules import Finding, Workspace, inside, shortened
from actors.speed_layer.policy.ruling import RuleTrace, Ruling
from actors.speed_layer.shell.analysis import analyse
from actors.speed_layer.shell.walking.command_effects import RECURSION

STEPS_OF_PATH: Final = 6
"""Steps that it takes to judge a path that a word mentions."""
PIECES: Final = re.compile(r"[=@:,;'\"\s()]+")
NETWORK: Final = "network"
BOMB: Final = re.compile(
    r"(?<![\w:.@+-])([\w:.@+-]++)\s*\(\s*\)\s*\{[^}]{0,200}?(?<![\w:.@+-])\1\s*(?:\|\s*\1(?![\w:.@+-])|&(?!&))"
)
"""A function that pipes itself into itself, or starts itself in the background, near its beginning.

A name begins in one place, and is looked for no further: else the time grew with the square of the line's length.
"""


class Judged(msgspec.Struct, frozen=True, gc=False):
    """A request that was taken apart and judged, once.

    Attributes:
        ruling: What the rules say.
        command: The one plain command that it is, where they ask about it; else None.
        steps: What that took; None for what is no shell line.
        footprint: Which files it writes and runs; None where it does neither, or is denied.
    """

    ruling: Ruling
    command: SimpleCommand | None = None
    steps: Steps | None = None
    footprint: Footprint | None = None


def judge_line(
    rules: CompiledRules,
    call: ShellCall,
    cwd: str | None,
    workspace: str | None,
    excluded: frozenset[str] = frozenset(),
) -> Judged:
    """Judge what a shell tool is to run.

    Args:
        rules: The rules.
        call: What its input says.
        cwd: The request's working directory.
        workspace: The hall's workspace, where it has one.
        excluded: The ids of rules that do not hold for the role that asks, or at this time.
    """
    if call.line is None:
        return Judged(Ruling("ask", call.doubt, None, False))
    analysis = analyse(call.line, call.cwd)
    ruling, footprint = judge_analysis(rules, call, analysis, rules.workspace(cwd, workspace, excluded))
    plain = plain_one(analysis) if ruling.verdict == "ask" and not call.doubt and not call.moved else None
    return Judged(ruling, plain, analysis.steps, footprint)


def judge_analysis(
    rules: CompiledRules,
    call: ShellCall,
    analysis: Analysis,
    workspace: Workspace,
    trace: list[RuleTrace] | None = None,
) -> tuple[Ruling, Footprint | None]:
    """Return the ruling on an analysed line, and which files it writes and runs."""
    said: list[Finding] = []
    if call.doubt:
        said.append(Finding("ask", None, call.doubt))
    elif call.cwd is not None and call.cwd != workspace.root and not inside(normalised(call.cwd), workspace):
        said.append(Finding("ask", None, f"it runs in {call.cwd}, outside the workspace"))
    analysis.steps.go_on_to_judging()
    ends: list[int] = []
    try:
        _judge_all(rules, analysis, workspace, said, ends, trace=trace)
    except OutOfSteps as doubt:
        analysis.unproved.insert(0, str(doubt))
    if RECURSION in analysis.unproved and BOMB.search(call.line or ""):
        said.insert(0, Finding("deny", "core.fork-bomb", "a function that starts itself over and over"))
    strictest, writes, runs = summed_up(said)
    best = told_together(strictest)
    if best is None and not analysis.unproved:
        return Ruling("ask", "there is no command in it", None, False), None
    if analysis.unproved and (best is None or best.verdict == "allow"):
        why = shortened(f"it cannot be proved what it runs: {analysis.unproved[0]}")
        ruling = Ruling("ask", why, None, False, writes=writes, runs=runs)
    else:
        assert best is not None
        if best.verdict == "deny":
            writes = runs = False
        ruling = Ruling(best.verdict, shortened(best.reason), best.rule, best.verdict != "ask", False, (), writes, runs)
        if rules.audit_and_limits:
            ruling = rules.audit_and_limits.applied_to(ruling, said)
    return ruling, (analysis.commands, said, ends, workspace) if writes or runs else None


def _judge_all(
    rules: CompiledRules,
    analysis: Analysis,
    workspace: Workspace,
    said: list[Finding],
    ends: list[int],
    *,
    trace: list[RuleTrace] | None,
) -> None:
    """Add what the rules say to every command, then what they say to the line as a whole.

    Args:
        rules: The rules.
        analysis: The line.
        workspace: The request's workspace.
        said: What is added to.
        ends: Where in that ends what is said to each command; filled here.
        trace: Where the rules that are looked at are written down.

    Raises:
        OutOfSteps: It would take too long.
    """
    judge, steps = rules.judge.judge, analysis.steps
    for command in analysis.commands:
        if command.judged:
            judge(command, workspace, steps, said, trace)
        ends.append(len(said))
    if len(ends) > 1:
        printed = prints_hidden(analysis.commands)
        if printed is not None:
            said.append(Finding("ask", "secrets.hidden-printed", printed, ("secret",)))
        emptied = group_emptied(analysis.commands)
        if emptied is not None:
            said.append(Finding("ask", "files.emptied", emptied))
        _judge_written(rules, analysis, workspace, said, ends)
    tags = {tag for finding in said if finding.tags for tag in finding.tags}
    if NETWORK in tags:
        refusal = runs_what_it_fetched(analysis.commands, analysis.steps)
        if refusal is not None:
            said.insert(0, refusal)
        tags.update(_mentioned(rules, analysis, workspace))
    if tags:
        lines = (rule for rule in rules.lines if tags.issuperset(rule.tags) and rule.id not in workspace.excluded)
        said += [Finding(rule.verdict, rule.id, rule.reason) for rule in lines]


def _judge_written(
    rules: CompiledRules, analysis: Analysis, workspace: Workspace, said: list[Finding], ends: list[int]
) -> None:
    """Add what is to be said to files that one command writes and another runs."""
    if not any(one.access in CHANGES for one in said):
        return
    parts = [(one, said[begin:end]) for one, begin, end in zip(analysis.commands, [0, *ends], ends, strict=False)]
    written = [file for command, findings in parts for file in written_files(command, findings)]
    if not written:
        return
    for finding, file in applied(analysis.commands, written, rules.paths, workspace):
        said.append(finding)
        if file is not None:
            written.append(file)

    def judge(text: str, cwd: str | None) -> Ruling:
        return judge_analysis(rules, ShellCall(text, cwd), analyse(text, cwd, analysis.steps), workspace)[0]

    found = runs_what_it_wrote(parts, written, workspace, analysis.steps, judge)
    if found is not None:
        said.append(found)


def _mentioned(rules: CompiledRules, analysis: Analysis, workspace: Workspace) -> set[str]:
    """Return the tags of every path mentioned in a word, for lines that also reach the network."""
    found: set[str] = set()
    for command in analysis.commands:
        for word in payload(command):
            for piece in PIECES.split(word):
                if piece and UNKNOWN not in piece:
                    analysis.steps.spend(STEPS_OF_PATH)
                    found.update(rules.paths.judge(piece, command.cwd, "read", workspace).tags)
    return found
