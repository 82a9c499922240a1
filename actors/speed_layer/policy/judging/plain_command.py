"""The one plain command that a shell line is, if it is one, and what the rules leave open about it. Pure."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from actors.speed_layer.command.simple_command import Analysis, SimpleCommand
from actors.speed_layer.command.steps import OutOfSteps, Steps
from actors.speed_layer.policy.loading.compiled_rules import CompiledRules
from actors.speed_layer.policy.matching.path_rules import Access, Finding, Workspace

ACCESSES: Final[tuple[Access, ...]] = ("read", "write", "delete")

STEPS_OF_WORD: Final = 27
"""Steps that it takes to judge a word as a path that is read, written and removed."""


class PlainCommand(NamedTuple):
    """A command without anything of the shell's.

    Attributes:
        words: The program and its arguments.
        questions: What rules do not allow about it, each word taken as a path too.
    """

    words: tuple[str, ...]
    questions: list[Finding]


def plain_one(analysis: Analysis) -> SimpleCommand | None:
    """Return the one plain command that a line is; None where it is more, or that cannot be proved."""
    if analysis.unproved or len(analysis.commands) != 1 or not _is_plain(analysis.commands[0]):
        return None
    return analysis.commands[0]


def open_questions(
    rules: CompiledRules, command: SimpleCommand, workspace: Workspace, steps: Steps
) -> PlainCommand | None:
    """Return a plain command with what is open about it; None where that is more than the command, or takes too long.

    Args:
        rules: The rules.
        command: The command.
        workspace: The request's workspace.
        steps: Goes on counting what judging the request takes.
    """
    findings: list[Finding] = []
    try:
        rules.judge.judge(command, workspace, steps, findings)
        for word in command.words[1:]:
            if not word.startswith("-"):
                steps.spend(STEPS_OF_WORD)
                found = [rules.paths.judge(word, command.cwd, access, workspace) for access in ACCESSES]
                findings += [each for each in found if each.verdict == "deny" or each.rule is not None]
    except OutOfSteps:
        return None
    tags = {tag for each in findings for tag in each.tags}
    if any(tags.issuperset(rule.tags) for rule in rules.lines):
        return None
    return PlainCommand(command.words, [each for each in findings if each.verdict != "allow"])


def _is_plain(command: SimpleCommand) -> bool:
    more_than_words: tuple[Any, ...] = (
        command.env, command.redirects, command.stdin, command.wraps, command.sources, command.variables, command.sets,
        command.globs, command.function,
    )  # fmt: skip
    return (
        command.origin == "shell" and bool(command.words) and command.argv == command.words and not any(more_than_words)
    )
