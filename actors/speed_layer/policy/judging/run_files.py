"""Which files a command runs, or has as its rules: what may be unknown code if somebody has written it just before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from posixpath import dirname
from typing import Final, NamedTuple

from actors.speed_layer.command.paths import join
from actors.speed_layer.command.simple_command import SimpleCommand
from actors.speed_layer.policy.matching import code_files
from actors.speed_layer.policy.matching.path_rules import Workspace

STEPS_OF_COMMAND: Final = 6
"""Steps that it takes to see which files a command runs, besides its words."""
STEPS_OF_WORD: Final = 3
"""Steps that it takes to make a path of a word and to look for it."""
RUN_FILES: Final = frozenset({"uv", "pdm"})
"""Programs whose `run` takes a file or a folder of that name in the working directory before a program."""
COMPILERS: Final = "build.compilers"
"""The id of the rule over compilers, to which `-c` says that what follows is to be compiled."""


class RunFiles(NamedTuple):
    """What a command runs. Paths are absolute and normalised.

    Attributes:
        named: Files that it names as code.
        options: What may be files that the values of its options name.
        lettered: What may be files that options of one letter name as its rules, as in `make -f x` and `eslint -c x`.
        tests: Files of tests that it names.
        names: Names of the files that it takes rules from; None where it takes none.
        imports: Folders from which it, as Python, imports first; None for an unknown one.
    """

    named: Sequence[str]
    options: Sequence[str]
    lettered: Sequence[str]
    tests: Sequence[str]
    names: code_files.Names | None
    imports: Sequence[str | None]


def run_files(command: SimpleCommand, rules: Iterable[str | None], workspace: Workspace) -> RunFiles:
    """Return what a command runs.

    Args:
        command: The command; it has words.
        rules: The ids of the rules that are about it.
        workspace: The request's workspace.
    """
    called, base = code_files.program_of(command.words[0])
    rules = list(rules)
    names = code_files.rule_files(base, rules, command.words)
    named = _paths(command, code_files.named_as_code(command, base), workspace)
    module = called.startswith(code_files.MODULE) or code_files.program_of(command.origin)[1] in code_files.PYTHONS
    if code_files.program_of(command.origin)[0] in RUN_FILES:
        named += _paths(command, (command.words[0], f"{command.words[0]}/__main__.py"), workspace)
    python = module or base in code_files.PYTHONS
    compiles = COMPILERS in rules
    return RunFiles(
        named + (_paths(command, code_files.files_of_module(called), workspace) if module else []),
        () if names is None else _paths(command, code_files.option_values(command.words), workspace),
        () if names is None or compiles else _paths(command, code_files.lettered_values(command.words), workspace),
        _tests(command, workspace) if base in code_files.TESTERS else (),
        names,
        (command.cwd, *(dirname(path) for path in named)) if python else (),
    )


def _tests(command: SimpleCommand, workspace: Workspace) -> list[str]:
    return _paths(command, [word.partition("::")[0] for word in command.words[1:] if word[:1] != "-"], workspace)


def _paths(command: SimpleCommand, words: Iterable[str], workspace: Workspace) -> list[str]:
    paths = [join(command.cwd, word) for word in words]
    home = workspace.home
    return [home + path[1:] if home and path[:1] == "~" else path for path in paths if path is not None]
