"""Which files a whole request writes and runs: what a later request of the same agent is looked up by.

Most lines neither write a file nor run one that an agent could have written (`git status`, `grep`), and that shows at a
glance, with the verdict, in a hundredth of its time. The files themselves are worked out when somebody asks for them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from actors.speed_layer.command.paths import join
from actors.speed_layer.command.simple_command import SimpleCommand
from actors.speed_layer.policy.judging.applied_patches import applies, patch_paths
from actors.speed_layer.policy.judging.run_files import run_files
from actors.speed_layer.policy.judging.written_and_run import CHANGES, Written, written_files
from actors.speed_layer.policy.matching import code_files
from actors.speed_layer.policy.matching.path_rules import STRICTNESS, Finding, Workspace
from actors.speed_layer.policy.ruling import Files
from actors.speed_layer.proofs.patch import patched_files

COPIERS: Final = frozenset({"cp", "install"})
"""Programs that put files below a folder under their own names, and folders only where an option says so."""
MOVERS: Final = frozenset({"mv"})
"""Programs to which the rules say something as if they wrote their sources too; these go.

The sources of `ln` stay, and are written by the name of the link from then on.
"""
MAKERS: Final = frozenset({"touch"})
"""Programs that make empty files."""
OUTPUT: Final = ("-o", "--out")
"""How the options begin that name what a tool makes; all else that one which builds or checks may write is its own."""
COMPILERS: Final = frozenset({"go"})
"""Programs that run tests, whose words name what they compile and make."""
SETTINGS: Final = (".mk", ".ini", ".toml", ".cfg", ".cmake", ".gradle", ".just", ".rake", ".json", ".yml", ".yaml")
"""How files end that an option may name to a program as its rules; others are what it checks, compiles or makes."""
LOADS: Final = re.compile(r"--?(?:config|rcfile|require|import|setup|plugin|loader|makefile|manifest|file(?:=|\Z))")
"""How options begin that name rules or code, however the file is called; those of most programs are asked about."""
BELOW: Final = "/**"
MAX_WORDS: Final = 1000
"""Words of a line that are looked at, about a microsecond each; of the rest it is only said that there is more."""


Footprint = Files | tuple[Sequence[SimpleCommand], Sequence[Finding], Sequence[int], Workspace]
"""The files of a request, or what they are found from: commands, what the rules said to them, and where that ends."""


def summed_up(said: Sequence[Finding]) -> tuple[list[Finding], bool, bool]:
    """Return the strictest findings, whether one of all is over a written file, and whether one is over files run.

    All in one loop: a second one over the same findings takes a hundredth of a verdict's time.
    """
    strictest: list[Finding] = []
    highest = -1
    writes = runs = False
    for one in said:
        rank = STRICTNESS[one.verdict]
        if rank > highest:
            strictest, highest = [one], rank
        elif rank == highest:
            strictest.append(one)
        if one.runs:
            runs = True
        elif one.access in CHANGES:
            writes = True
    return strictest, writes, runs


def tool_files(findings: Sequence[Finding], created: Collection[str] | None, *, moves: bool = False) -> Files | None:
    """Return which files a call of a file tool writes; None if it writes none.

    Args:
        findings: What the rules said to its files.
        created: Those that it may create; None for all.
        moves: Whether it moves or copies, and what it names may be a folder.
    """
    writes = tuple(dict.fromkeys(one.path for one in findings if one.access in CHANGES and one.path))
    if not writes:
        return None
    if moves:
        writes += tuple(path.rstrip("/") + BELOW for path in writes)
    return Files(writes, writes if created is None else tuple(path for path in writes if path in created))


def files_in(footprint: Footprint | None) -> Files:
    """Return the files of a footprint."""
    if footprint is None:
        return Files()
    if isinstance(footprint, Files):
        return footprint
    commands, said, ends, workspace = footprint
    found, words, begin = _Found(), 0, 0
    for command, end in zip(commands, ends, strict=False):
        words += len(command.words)
        if words > MAX_WORDS:
            return found.files(workspace.root or "", more=True)
        found.add(command, said[begin:end], workspace)
        begin = end
    return found.files(workspace.root or "")


class _Found:
    """What was found of a line."""

    def __init__(self) -> None:
        self._writes: dict[str, bool] = {}
        self._by: dict[str, SimpleCommand] = {}
        self._empties: dict[str, None] = {}
        self._runs: dict[str, None] = {}
        self._tables: dict[str, None] = {}
        self._imports: dict[str | None, None] = {}

    def add(self, command: SimpleCommand, findings: Sequence[Finding], workspace: Workspace) -> None:
        """Add what a command writes and runs."""
        for one in written_files(command, findings):
            for path in _paths(one):
                self._writes[path] = self._writes.get(path, False) or one.whole
                self._by[path] = command
        if not command.words:
            return
        if command.words[0] in MAKERS:
            self._empties |= dict.fromkeys(one.path for one in findings if one.access in CHANGES)
        if command.function or command.wraps:
            return
        if applies(command):
            self._runs |= dict.fromkeys(patch_paths(command))
            shown = patched_files(command.stdin.text or "") if command.stdin is not None else None
            new = {
                join(base, file.path) for file in shown or () if file.creates for base in (command.cwd, workspace.root)
            }
            self._writes |= {path: path in new for path in self._writes if self._by.get(path) is command}
        run = run_files(command, [one.rule for one in findings if not one.access], workspace)
        loads = any(map(LOADS.match, command.words))
        settings = [path for path in run.options if loads or path.endswith(SETTINGS)]
        tests = () if code_files.program_of(command.words[0])[1] in COMPILERS else run.tests
        sources = [path for path in (*run.named, *tests) if not code_files.is_found_by_testers(path)]
        self._runs |= dict.fromkeys([*sources, *settings, *run.lettered])
        if run.names is not None:
            self._tables[run.names.title] = None
        self._imports |= dict.fromkeys(run.imports)

    def files(self, root: str, *, more: bool = False) -> Files:
        """Return what was found."""
        return Files(
            tuple(self._writes),
            tuple(path for path, whole in self._writes.items() if whole),
            tuple(self._empties),
            tuple(self._runs),
            tuple(self._tables),
            tuple(self._imports),
            more,
            root,
        )


def _paths(one: Written) -> list[str]:
    """Return the files that a command writes, with what it may put below a folder that is there."""
    command = one.by
    program = code_files.program_of(command.words[0])[0] if command.words else ""
    if one.path.startswith("/dev/") or (one.built and one.path not in _outputs(command)):
        return []
    if program in MOVERS and any(join(command.cwd, word) == one.path for word in command.words[1:-1]):
        return []
    if not one.below or (program in COPIERS and not any(map(_is_recursive, command.words[1:]))):
        return [one.path]
    return [one.path, one.path.rstrip("/") + BELOW]


def _outputs(command: SimpleCommand) -> list[str | None]:
    """Return the files that options of a tool which builds name for what it makes (`-o x`, `--outfile=x`)."""
    words = command.words
    named = [(word, words[index + 1 : index + 2]) for index, word in enumerate(words) if word.startswith(OUTPUT)]
    values = [word.partition("=")[2] or word.removeprefix("-o") for word, _ in named]
    return [join(command.cwd, value) for value in [*values, *(after[0] for _, after in named if after)]]


def _is_recursive(word: str) -> bool:
    return word[:1] == "-" and not {"r", "R", "a"}.isdisjoint(word) and word != "--preserve"
