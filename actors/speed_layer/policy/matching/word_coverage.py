"""Proves that an allow rule covers a command to its last word, or says which word it does not cover."""

from __future__ import annotations

import re
from typing import Final

from actors.speed_layer.command.options import Parsed, parse, without_exec
from actors.speed_layer.command.paths import join
from actors.speed_layer.command.simple_command import UNKNOWN, SimpleCommand
from actors.speed_layer.command.steps import Steps
from actors.speed_layer.policy.matching import allowed_words
from actors.speed_layer.policy.matching.command_prefix_graph import CompiledCommandRule, PrefixMatch
from actors.speed_layer.policy.matching.path_rules import HANDED, Access, Finding, PathRules, Workspace, inside, name_of
from actors.speed_layer.proofs.cloud_verbs import PHRASE_CHECKS
from actors.speed_layer.shell.reading.brace_expansion import expand_braces

TEMPORARY: Final = "temporary"
"""The tag of files in the temporary directory."""
RUNS_NOTHING: Final = "what it would run is not known"
"""Why a rule over programs that run others does not cover one."""
NO_GLOBS: Final = frozenset[int]()
SYSTEM_PLACES: Final = ("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin", "/opt/homebrew/bin")
PROJECT_PLACES: Final = (".venv/bin", "venv/bin", "env/bin", "node_modules/.bin", "vendor/bin")
PROJECT_PROGRAMS: Final = frozenset(
    {"./gradlew", "./mvnw", "./manage.py", "bin/rails", "bin/rake", "bin/rspec", "bin/rubocop", "bin/phpunit"}
)
INLINE: Final = re.compile(r"[{\"']")
PEELED: Final = re.compile(r"[@^]\{[\w/:.+ -]*\}")
"""What git reads behind a revision: `HEAD^{tree}`, `main@{yesterday}`."""
ELSEWHERE: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://|(?:npm|jsr|data|node|https?|file|oci|git|ssh|s3|gs|fd|md):|\|"
)
STEPS_OF_CHARACTER: Final = 2
"""Steps that it takes to read a character of a program in another language (awk, jq, sed, SQL)."""
STEPS_OF_PATH: Final = 9
"""Steps that it takes to judge a path that was not judged before."""
STEP_LENGTH: Final = 24
"""How many characters of words are read in a step."""
MAX_WORD: Final = 1024
"""Length of the longest word that is looked at by one pattern: some take the square of that, 1 ms."""
PIECES: Final = re.compile(r"[:=,]")
ROOTED: Final = re.compile(r"/|~|\.\.(?:/|\Z)")
MANY: Final = re.compile(r"[*?\[]")
WRITE_ONE: Final = frozenset({"write", "into", "stem", "made"})
"""Kinds of words that each name one file which is written."""
SOURCE: Final = re.compile(
    r"\.(?:c|cc|cpp|cxx|h|hpp|rs|go|py|pyi|rb|[cm]?[jt]s|[jt]sx|java|kt|swift|cs|php|pl|lua|sh|sql|vue|css|html|md|rst"
    r"|txt|toml|ya?ml|json|lock|csv|tsv|db|sqlite3?|mod|sum)\Z",
    re.IGNORECASE,
)
"""How the names of files end that people write or keep, and no compiler or packer makes."""


class Proof:
    """One attempt to prove one command by one rule.

    Args:
        paths: The policy's path rules.
        command: The command.
        workspace: The request's workspace.
        steps: Counts what it takes; `fails` raises `OutOfSteps` where that is too much.

    Attributes:
        findings: What the path rules say to the files it touches.
    """

    __slots__ = ("_base", "_command", "_paths", "_steps", "_temporary", "_workspace", "findings")

    def __init__(self, paths: PathRules, command: SimpleCommand, workspace: Workspace, steps: Steps) -> None:
        self._paths = paths
        self._steps = steps
        self._command = command
        self._workspace = workspace
        self._base = command.cwd
        self._temporary = False
        self.findings: list[Finding] = []

    def fails(self, found: PrefixMatch) -> str | None:
        """Return what the rule does not cover, `None` if it covers all."""
        rule = found.compiled
        table = rule.rule
        self._temporary = table.temporary
        command = self._command
        if not table.script and "/" in command.words[0] and not trusted(command.words[0]):
            return f"{command.words[0][:80]} is not a program of the system or the project's environment"
        if table.wraps:
            return None if command.wraps else RUNS_NOTHING
        if table.fed:
            why = self._fed(table.fed)
            if why:
                return why
        for front in found.front:
            why = self._options(front)
            if why:
                return why
        if table.style == "find":
            parsed = parse(found.known, without_exec(command.words[found.start :]), 0, NO_GLOBS)
        else:
            parsed = parse(found.known, command.words, found.start, NO_GLOBS if table.globs else command.globs)
        many = table.id.startswith("build.")
        return self._options(parsed, many=many) or self._positionals(rule, parsed)

    def _options(self, parsed: Parsed, *, many: bool = False) -> str | None:
        if parsed.unknown:
            return f"an option that is not known to be harmless: {shown(parsed.unknown[0])}"
        for _, value, kind in parsed.options:
            if many and kind == "any" and value and len(value) > 1:
                self._steps.spend(2 + len(value) // 2)
                for piece in PIECES.split(value):
                    if ROOTED.match(piece) and not inside(join(self._base, piece), self._workspace):
                        return f"{shown(value)} does not lie in the workspace"
            if kind == "inside" and value == "-":
                return "it takes its rules or settings from what it is fed"
            if kind and kind != "any" and value is not None:
                why = self._word(kind, value)
                if why:
                    return why
                if kind == "dir":
                    self._base = join(self._base, value)
        return None

    def _positionals(self, rule: CompiledCommandRule, parsed: Parsed) -> str | None:
        row = rule.args
        for names, other in rule.args_with:
            if parsed.has(*names):
                row = other
                break
        if allowed_words.is_free(row):
            return None
        values = [value for _, value in parsed.positionals]
        assigned = allowed_words.assign(row, len(values))
        if assigned is None:
            return f"no rule covers {_counted(values)}"
        if assigned and assigned[0] in PHRASE_CHECKS:
            return PHRASE_CHECKS[assigned[0]](" ".join(values))
        for kind, value in zip(assigned, values, strict=True):
            if kind != "any":
                why = self._word(kind, value)
                if why:
                    return why
        if assigned and assigned[-1] == "into":
            many = self._many_to_one(values[:-1], values[-1])
            return many or self._copied(values, whole=parsed.has("-r", "-R", "-a", "--recursive", "--archive", "-T"))
        return None

    def _many_to_one(self, sources: list[str], target: str) -> str | None:
        """Return why many runs would overwrite what the one before wrote, or make many files the same."""
        each = [one for one in sources if one in self._command.picked or HANDED.search(one)]
        if each and not MANY.search(target) and not target.endswith(("/", "/.")) and target not in {".", ".."}:
            return f"writes many files to {shown(target)}, each over the one before"
        if MANY.search(target) and not any(MANY.search(one) for one in sources):
            return f"writes the same to every file that {_named(target)}"
        return None

    def _copied(self, values: list[str], *, whole: bool) -> str | None:
        """Judge the names that copied or moved files get; return why they are not known."""
        target, root = join(self._base, values[-1]), self._workspace.root
        for source in values[:-1]:
            name = source.rstrip("/").rpartition("/")[2]
            several = name in {"", ".", ".."} or MANY.search(name) is not None or source.endswith("/")
            if target == root and (whole or several):
                return "what is copied to the top of the workspace is not known by name"
            if several or UNKNOWN in name:
                continue
            place = f"{values[-1].rstrip('/')}/{name}"
            paths = (place, f"{place}/x", f"{place}/workflows/x") if name.startswith(".") else (place,)
            self.findings += [self._judge(path, "write") for path in paths]
        return None

    def _word(self, kind: str, value: str) -> str | None:
        access = allowed_words.ACCESSES.get(kind)
        if access is None:
            return self._checked(kind, value)
        if value in {"", "-"} and kind != "dir":
            return None
        if kind in {"selected", "beside"}:
            return self._selected(value) if kind == "selected" else self._beside(value)
        unusual = _unusual(kind, value, self._command.picked)
        if unusual:
            return unusual
        if kind == "object":
            value = value.rpartition(":")[2] or "."
        if kind in allowed_words.INSIDE and (
            INLINE.search(PEELED.sub("", value) if kind == "object" else value)
            or not inside(join(self._base, value), self._workspace)
        ):
            return f"{shown(value)} does not lie in the workspace"
        if kind == "either" and HANDED.search(value):
            access = "read"  # a formatter changes no file that it does not know, nor what one says
        self.findings.append(self._judge(value, access))
        return None

    def _checked(self, kind: str, value: str) -> str | None:
        if UNKNOWN in value and kind != "number":
            return f"a word known only at run time ({kind})"
        if kind in allowed_words.WRITTEN_BY:
            return self._changed(kind, value)
        if kind in allowed_words.PROGRAMS:
            self._steps.spend(4 + STEPS_OF_CHARACTER * len(value))
        elif len(value) > MAX_WORD:
            return f"{shown(value)} is too long to be looked at ({kind})"
        else:
            self._steps.spend(2 + len(value) // 16)
        if kind in allowed_words.CODE:
            why, paths = allowed_words.CODE[kind](value)
            self.findings += [self._judge(path, "read") for path in paths]
            return why
        return allowed_words.CHECKS[kind](value)

    def _fed(self, kind: str) -> str | None:
        stdin = self._command.stdin
        if stdin is None or stdin.text is None:
            return "it is not known what code it runs"
        return self._checked(kind, stdin.text)

    def _changed(self, kind: str, text: str) -> str | None:
        """Judge the files that a text says are changed, seen from here and from the top of the workspace."""
        self._steps.spend(4 + len(text) // 16)
        why, paths = allowed_words.WRITTEN_BY[kind](text)
        for base in dict.fromkeys((self._base, self._workspace.root)):
            self.findings += [self._judge(path if base == self._base else f"{base}/{path}", "write") for path in paths]
        return why

    def _judge(self, path: str, access: Access) -> Finding:
        self._steps.spend(STEPS_OF_PATH * (1 + len(self._command.fallbacks)) + len(path) // STEP_LENGTH)
        found = self._paths.judge_in_all_directories(self._command, path, access, self._base, self._workspace)
        if access == "write" and TEMPORARY in found.tags and not self._temporary:
            return Finding("ask", None, f"{path}: this command is not known to write temporary files")
        return found

    def _beside(self, value: str) -> str | None:
        """Judge a new folder that lies in the workspace or beside it."""
        root, absolute = self._workspace.root, join(self._base, value)
        if MANY.search(value) or root is None or absolute is None:
            return f"{shown(value)} is not known by name"
        beside = absolute.rpartition("/")[0] == root.rpartition("/")[0] and not name_of(absolute).startswith(".")
        for path in (value, f"{value}/x", f"{value}/workflows/x"):
            found = self._judge(path, "write")
            if not (beside and found.rule is None):
                self.findings.append(found)
        return None

    def _selected(self, value: str) -> str | None:
        """Judge what a glob picks; one that begins with `!` picks what to leave out."""
        if value.startswith("!"):
            return None
        globs = expand_braces(value.lstrip("/"))
        if globs is None:
            return f"{shown(value)} may pick any file"
        for glob in globs:
            self.findings.append(self._judge(glob, "read"))
        return None


def _unusual(kind: str, value: str, picked: tuple[str, ...]) -> str | None:
    """Return why a path may stand for something else than one file by that name."""
    if ELSEWHERE.match(value):
        return f"{shown(value)} may be read as more than a path"
    if kind in {"inside", "either"} and value.startswith("@"):
        return f"{shown(value)} may name a file of more words"
    if kind == "made" and SOURCE.search(value):
        return f"{shown(value)} may be a source or data file, which would be written over"
    if kind == "stem" and ("/." in value or value.startswith(".")):
        return f"{shown(value)} begins the names of hidden files"
    many = (kind == "one-file" and MANY.search(value)) or (kind in WRITE_ONE and value in picked)
    return f"{shown(value)} may be many files" if many else None


def trusted(program: str) -> bool:
    """Return whether a program named with its folder is the one its name says."""
    place = program.rpartition("/")[0]
    return place in SYSTEM_PLACES or place.removeprefix("./") in PROJECT_PLACES or program in PROJECT_PROGRAMS


def _counted(values: list[str]) -> str:
    """Return how many words of a command no rule covers."""
    return "it without a word of what to do" if not values else f"it with {shown(values[-1])} as word {len(values)}"


def _named(target: str) -> str:
    """Return how files are named that a glob or another program stands for."""
    return "another program names" if HANDED.fullmatch(target) else f"{shown(target)} stands for"


def shown(word: str) -> str:
    """Return a word as a reason shows it."""
    return "a word known only at run time" if UNKNOWN in word else repr(word[:60])
