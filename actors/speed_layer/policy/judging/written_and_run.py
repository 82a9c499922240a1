"""What a line writes and then runs: unknown code, which no name makes harmless.

A file that one command writes may be run, sourced or read as rules (a Makefile, a package.json) by another. The text,
where the line shows it, is judged as shell code, so that it can be refused; else the line is asked about. An ordinary
source file that is edited before the tests run is no such file. In which order the commands stand is not looked at:
loops, functions and what runs in the background have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from actors.speed_layer.command.paths import join
from actors.speed_layer.command.simple_command import SimpleCommand
from actors.speed_layer.command.steps import Steps
from actors.speed_layer.policy.judging.also_written import also_written
from actors.speed_layer.policy.judging.run_files import STEPS_OF_COMMAND, STEPS_OF_WORD, RunFiles, run_files
from actors.speed_layer.policy.matching import code_files
from actors.speed_layer.policy.matching.path_rules import Finding, Workspace
from actors.speed_layer.policy.ruling import Ruling

RULE: Final = "files.written-and-run"
"""The id that such verdicts name."""
CHANGES: Final = frozenset({"write", "truncate"})
"""What is done to a file that gets other content."""
MAX_TEXTS: Final = 4
"""How many texts that are written and run are judged; the line is asked about anyhow."""
PRINTERS: Final = frozenset({"echo", "printf"})
EDITORS: Final = frozenset({"sed", "gsed", "perl"})
"""Programs that change a part of a file."""
NAMES_ALONE: Final = frozenset({"mkdir", "touch", "mkfifo", "cmake", "meson"})
"""Programs that write no text of another's into a file: they make folders and empty files, or what they build."""
PLACES: Final = frozenset({"cp", "install", "mv", "ln", "rsync", "rclone", "git", "unzip", "tar", "curl", "wget"})
"""Programs that may put files of any name below a folder that they are given."""
MANY: Final = re.compile(r"[*?\[]")
RECIPE: Final = re.compile(r"^(?:[ \t]+[@+-]*|[^\s:=#]+[^:=]*::?[^=;\n]*;)(.+)$", re.MULTILINE)
"""A line of a Makefile or a justfile that is given to a shell."""
ESCAPES: Final = re.compile(r"\\([nt\\])")


class Written(msgspec.Struct, frozen=True, gc=False):
    """A file that a command writes.

    Attributes:
        path: Its path, normalised; it may be a glob.
        by: The command.
        whole: Whether all of it is written anew rather than a part.
        below: Whether files below it may be written too.
        built: Whether a tool that builds or tests the project writes it, by itself and not by a redirection of what it
            prints: what the next one reads is no new rule.
    """

    path: str
    by: SimpleCommand
    whole: bool
    below: bool
    built: bool = False

    def may_be(self, path: str) -> bool:
        """Return whether this may be the file of a path."""
        if self.path == path or (self.below and path.startswith(self.path.rstrip("/") + "/")):
            return True
        return MANY.search(self.path) is not None and fnmatchcase(path, self.path)


class Package(msgspec.Struct, frozen=True, gc=False):
    """What is read of a package.json.

    Attributes:
        scripts: The tasks: shell text by name.
    """

    scripts: dict[str, str] = {}


def written_files(command: SimpleCommand, findings: Sequence[Finding]) -> list[Written]:
    """Return the files that a command writes, by what the rules said to them."""
    program = command.words[0].rpartition("/")[2] if command.words else ""
    whole, below = program not in EDITORS, program in PLACES
    redirected = [join(command.cwd, one.path) for one in command.redirects if one.writes and one.path]
    if program in NAMES_ALONE or command.wraps:
        return [Written(path, command, whole, below) for path in redirected if path is not None]
    built = any(one.rule is not None and one.rule.startswith(code_files.RUNS_RULES) for one in findings)
    found = [one.path for one in findings if one.access in CHANGES]
    written = [
        Written(path, command, whole or path in redirected, below, built and path not in redirected) for path in found
    ]
    if command.words:
        written += [Written(path, command, whole=True, below=below) for path in also_written(command, found)]
    return written


def runs_what_it_wrote(
    commands: Sequence[tuple[SimpleCommand, Sequence[Finding]]],
    written: Sequence[Written],
    workspace: Workspace,
    steps: Steps,
    judge: Callable[[str, str | None], Ruling],
) -> Finding | None:
    """Return what is to be said if a command runs a file that a command of its line writes.

    Args:
        commands: The commands of the line, each with what the rules said to it.
        written: The files that they write.
        workspace: The request's workspace.
        steps: Counts what it takes.
        judge: Judges a text as a shell would run it in a directory.

    Raises:
        OutOfSteps: It would take too long.
    """
    found: Finding | None = None
    texts = 0
    for command, findings in commands:
        if not command.words or command.function or command.wraps:
            continue
        steps.spend(STEPS_OF_COMMAND + STEPS_OF_WORD * len(command.words))
        for one in _run(command, findings, written, workspace):
            if one.by is command:
                continue
            name = one.path.rpartition("/")[2]
            found = found or Finding("ask", RULE, f"the line writes {name} and runs it or takes rules from it")
            if texts >= MAX_TEXTS:
                continue
            texts += 1
            for text in _code(name, written_text(one.by)):
                ruling = judge(text, command.cwd)
                if ruling.verdict == "deny":
                    return Finding("deny", ruling.rule, f"the line writes {name} and runs it: {ruling.reason}")
    return found


def _run(
    command: SimpleCommand, findings: Sequence[Finding], written: Sequence[Written], workspace: Workspace
) -> list[Written]:
    """Return the written files that a command runs or takes rules from."""
    runs = run_files(command, [one.rule for one in findings if one.access == ""], workspace)
    return [
        one
        for one in written
        if (runs.names is not None and runs.names.has(one.path))
        or any(one.may_be(path) for path in runs.named)
        or (not one.built and any(one.may_be(path) for path in (*runs.options, *runs.lettered)))
        or (one.whole and (one.path in runs.tests or (_is_new_test(one) and _finds_tests(command, runs))))
        or any(code_files.stands_for_pythons_own(one.path, folder) for folder in runs.imports)
    ]


def _finds_tests(command: SimpleCommand, runs: RunFiles) -> bool:
    """Return whether a command runs the tests that it finds, rather than some that it names, or none."""
    named = any(map(code_files.is_found_by_testers, runs.tests))
    return runs.names is not None and not named and code_files.may_find_tests(command.words)


def _is_new_test(one: Written) -> bool:
    """Return whether a file is run as a test by its name, and was none before it was written."""
    if not code_files.is_found_by_testers(one.path):
        return False
    words = [word for word in one.by.words if not word.startswith("-")]
    moved = words[1:] if words[:1] in (["mv"], ["cp"]) else words[2:] if words[:2] == ["git", "mv"] else []
    return not moved or not all(map(code_files.is_found_by_testers, moved))


def written_text(command: SimpleCommand) -> str | None:
    """Return the text that a command writes, as far as the line shows it."""
    stdin = command.stdin
    if command.words and command.words[0] in PRINTERS:
        return _printed(command)
    if stdin is None:
        return None
    if stdin.text is not None:
        return stdin.text
    texts = [written_text(one) for one in stdin.producers]
    return "\n".join([one for one in texts if one is not None]) or None


def _printed(command: SimpleCommand) -> str:
    """Return what echo or printf prints, a line for each word; escapes are read as both do at most."""
    words = [word for word in command.words[1:] if not word.startswith("-")]
    plain = "\n".join(words) if command.words[0] == "printf" else " ".join(words)
    return ESCAPES.sub(lambda escape: {"n": "\n", "t": "\t"}.get(escape[1], escape[1]), plain)


def _code(name: str, text: str | None) -> list[str]:
    """Return the shell text that a file of this name and text would have run, as far as that can be told."""
    if text is None:
        return []
    if text.lstrip().startswith("{"):
        try:
            return list(msgspec.json.decode(text, type=Package).scripts.values())
        except (msgspec.DecodeError, RecursionError):
            return [text]
    recipes = RECIPE.findall(text) if code_files.ALL.has(name) else []
    return ["\n".join(recipes)] if recipes else [text]
