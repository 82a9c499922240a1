"""The one plain command that a shell line is, if it is one, and what the rules leave open about it. Pure."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from actors.speed_layer.command.simple_command import SimpleCommand
from actors.speed_layer.policy.judging.shell_line import command_line
from actors.speed_layer.policy.loading.compiled_rules import CompiledRules
from actors.speed_layer.policy.matching.path_rules import Access, Finding
from actors.speed_layer.shell.analysis import analyse

ACCESSES: Final[tuple[Access, ...]] = ("read", "write", "delete")


class PlainCommand(NamedTuple):
    """A command without anything of the shell's.

    Attributes:
        words: The program and its arguments.
        questions: What rules do not allow about it, each word taken as a path too.
    """

    words: tuple[str, ...]
    questions: list[Finding]


def plain_command(rules: CompiledRules, arguments: dict[str, Any], cwd: str | None) -> PlainCommand | None:
    """Return the plain command that a line is; None where it is more, or that cannot be proved."""
    line = command_line(arguments)
    if line is None:
        return None
    analysis = analyse(line, cwd)
    if analysis.unproved or len(analysis.commands) != 1 or not _is_plain(analysis.commands[0]):
        return None
    command, workspace = analysis.commands[0], rules.paths.workspace(cwd)
    findings = rules.judge.judge(command, workspace)
    for word in command.words[1:]:
        if not word.startswith("-"):
            found = [rules.paths.judge(word, command.cwd, access, workspace) for access in ACCESSES]
            findings += [each for each in found if each.verdict == "deny" or each.rule is not None]
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
