"""Judges one simple command: its variables, redirections and words, against all rules at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from actors.speed_layer import kinds
from actors.speed_layer.command_rules import Compiled, CommandRules, Found
from actors.speed_layer.options import Parsed, parse
from actors.speed_layer.path_rules import RANK, Access, Finding, PathRules, Workspace, inside
from actors.speed_layer.paths import join
from actors.speed_layer.simple_command import UNKNOWN, SimpleCommand
from actors.speed_layer.tasks import script
from actors.speed_layer.variable_rules import VariableRules

SYSTEM_PLACES: Final = ("/bin/", "/usr/bin/", "/usr/local/bin/", "/sbin/", "/usr/sbin/", "/opt/homebrew/bin/")
PROJECT_PLACES: Final = (".venv/bin/", "venv/bin/", "env/bin/", "node_modules/.bin/", "vendor/bin/")


@dataclass(slots=True)
class Trace:
    """A rule that was looked at: whether it holds, and why."""

    rule: str
    matched: bool
    why: str


class CommandJudge:
    """Judges commands by compiled rules.

    Args:
        commands: Rules over words.
        paths: Rules over files.
        variables: Rules over variables.
    """

    def __init__(self, commands: CommandRules, paths: PathRules, variables: VariableRules) -> None:
        self._commands = commands
        self._paths = paths
        self._variables = variables

    def judge(self, command: SimpleCommand, workspace: Workspace, trace: list[Trace] | None = None) -> list[Finding]:
        """Return what the rules say to every part of a command."""
        findings = list[Finding]()
        if command.env:
            findings.extend(self._variables.judge(command))
        for redirect in command.redirects:
            access: Access = "write" if redirect.writes else "read"
            findings.append(self._paths.judge(redirect.path, command.cwd, access, workspace))
            if redirect.op == ">" and not command.words and command.origin != "group":
                findings.append(Finding("ask", None, f"empties {redirect.path}"))
        for name in command.variables:
            secret = self._variables.secret(name)
            if secret is not None:
                findings.append(secret)
        if command.words and not command.function:
            findings.extend(self._words(command, workspace, trace))
        return findings

    def _words(self, command: SimpleCommand, workspace: Workspace, trace: list[Trace] | None) -> Iterator[Finding]:
        program = command.words[0]
        if UNKNOWN in program:
            yield Finding("ask", None, "the program is known only at run time")
            return
        refusal = ""
        proofs = dict[str, list[Finding]]()
        decided = False
        dashed = [word for word in command.words if word[:1] == "-"]
        for found in self._commands.find(command):
            rule = found.compiled.rule
            why = _conditions(found, command, dashed) if found.compiled.conditional else None
            findings = [found.compiled.finding]
            if why is None and rule.verdict == "allow":
                why = self._fits(found, command, workspace, findings)
                if why is None:
                    _keep_best(proofs, found.compiled.layer, findings)
                else:
                    refusal = refusal or why
            elif why is None:
                decided = True
                yield findings[0]
                if rule.touches is not None:
                    yield from self._touched(found, command, workspace, rule.touches)
            if trace is not None:
                trace.append(Trace(rule.id, why is None, why or rule.reason))
        for findings in proofs.values():
            yield from findings
        if not decided and not proofs:
            yield Finding(
                "ask", None, refusal or f"no rule covers `{' '.join(command.words[:2]).replace(UNKNOWN, '?')}`"
            )

    def _fits(self, found: Found, command: SimpleCommand, workspace: Workspace, findings: list[Finding]) -> str | None:
        """Return why an allow rule does not cover all of a command; collect what the paths it names say."""
        rule = found.compiled
        if not rule.rule.script and not _trusted(command.words[0]):
            return f"{command.words[0]} is not a program of the system or the project's environment"
        if rule.rule.wraps:
            return None if command.wraps else "it runs nothing that could be judged"
        base: str | None = command.cwd
        for front in found.front:
            if front.unknown:
                return f"an option that is not known to be harmless: {_shown(front.unknown[0])}"
            base, why = self._options(front, base, workspace, findings)
            if why:
                return why
        known = rule.options if not found.everywhere.options else rule.options.joined(found.everywhere)
        words = found.rest if rule.rule.style != "find" else without_exec(found.rest)
        globs = frozenset(place for place, index in enumerate(found.offset) if index in command.globs)
        parsed = parse(known, words, 0, globs)
        if parsed.unknown:
            return f"an option that is not known to be harmless: {_shown(parsed.unknown[0])}"
        base, why = self._options(parsed, base, workspace, findings)
        return why or self._positionals(rule, parsed, base, workspace, findings)

    def _touched(self, found: Found, command: SimpleCommand, workspace: Workspace, access: Access) -> Iterator[Finding]:
        options = True
        for word in found.rest:
            options = options and word != "--"
            if not (options and word.startswith("-")) and word != "--":
                yield self._paths.judge(word, command.cwd, access, workspace)

    def _options(
        self, parsed: Parsed, base: str | None, workspace: Workspace, findings: list[Finding]
    ) -> tuple[str | None, str | None]:
        for _, value, kind in parsed.options:
            if kind and kind != "any" and value is not None:
                why = self._one(kind, value, base, workspace, findings)
                if why:
                    return base, why
                if kind == "dir":
                    base = join(base, value)
        return base, None

    def _positionals(
        self, rule: Compiled, parsed: Parsed, base: str | None, workspace: Workspace, findings: list[Finding]
    ) -> str | None:
        row = rule.args
        for names, other in rule.args_with:
            if parsed.has(*names):
                row = other
                break
        if kinds.is_free(row):
            return None
        assigned = kinds.assign(row, len(parsed.positionals))
        if assigned is None:
            return f"{len(parsed.positionals)} words where {rule.rule.args or 'none'} is known"
        if assigned and assigned[0] in kinds.PHRASES:
            return kinds.PHRASES[assigned[0]](" ".join(value for _, value in parsed.positionals))
        for kind, (_, value) in zip(assigned, parsed.positionals, strict=True):
            if kind != "any":
                why = self._one(kind, value, base, workspace, findings)
                if why:
                    return why
        return None

    def _one(
        self, kind: str, value: str, base: str | None, workspace: Workspace, findings: list[Finding]
    ) -> str | None:
        access = kinds.ACCESSES.get(kind)
        if access is None:
            if UNKNOWN in value and kind != "number":
                return f"a word known only at run time ({kind})"
            return kinds.CHECKS[kind](value)
        if value in {"", "-"} and kind != "dir":
            return None
        if kind == "one-file" and re.search(r"[*?\[]", value):
            return f"{_shown(value)} may be many files"
        if kind in kinds.INSIDE and not inside(join(base, value), workspace):
            return f"{_shown(value)} does not lie in the workspace"
        findings.append(self._paths.judge(value, base, access, workspace))
        return None


def _keep_best(proofs: dict[str, list[Finding]], layer: str, findings: list[Finding]) -> None:
    """Keep the mildest findings of a layer's allow rules: each of them alone proves that the command may run."""
    before = proofs.get(layer)
    if before is None or _worst(findings) < _worst(before):
        proofs[layer] = findings


def _worst(findings: list[Finding]) -> int:
    return max(RANK[finding.verdict] for finding in findings)


def _shown(word: str) -> str:
    return "a word known only at run time" if UNKNOWN in word else repr(word[:60])


def _trusted(program: str) -> bool:
    if "/" not in program:
        return True
    place, _, _ = program.rpartition("/")
    place = place.removeprefix("./") + "/"
    return place in SYSTEM_PLACES or place in PROJECT_PLACES or place in {"./", "bin/"}


def _conditions(found: Found, command: SimpleCommand, dashed: list[str]) -> str | None:
    """Return which condition of a rule a command does not meet, `None` if it meets all."""
    rule = found.compiled.rule
    if rule.via and command.origin not in rule.via:
        return "not run by " + ", ".join(rule.via)
    if rule.script and ("/" not in command.words[0] or script(command.words[0]) is not None):
        return "not a script of the workspace for everyday work"
    if rule.dumps and any(not word.startswith("-") for word in found.rest):
        return "names what it is about"
    if rule.dumps and command.words[0] == "set" and found.rest:
        return "sets options"
    if found.compiled.has is not None and not found.compiled.has.among(dashed, found.rest):
        return "has none of " + ", ".join(rule.has)
    if found.compiled.unless_has is not None and found.compiled.unless_has.among(dashed, found.rest):
        return "has one of " + ", ".join(rule.unless_has)
    if rule.writes and not any(one.writes and one.to_stdout for one in command.redirects):
        return "prints to no file"
    pattern = found.compiled.words
    if pattern is not None and not any(pattern.search(word) for word in found.rest):
        return "no word is of the kind it is about"
    if found.compiled.fed_by and not _fed(found.compiled.fed_by, command):
        return "nothing it is about feeds it"
    text = found.compiled.text
    if text is not None and not any(text.search(one) for one in _texts(found, command)):
        return "no text of it is of the kind it is about"
    return None


def _texts(found: Found, command: SimpleCommand) -> Iterator[str]:
    yield from found.rest
    if command.stdin is not None and command.stdin.text is not None:
        yield command.stdin.text


def _fed(names: frozenset[str], command: SimpleCommand) -> bool:
    feeding = [*command.sources, *(command.stdin.producers if command.stdin else ())]
    return any(one.words and one.words[0].rpartition("/")[2] in names for one in feeding)


def without_exec(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return a find expression without its `-exec ... ;` parts, whose commands are judged on their own."""
    kept = list[str]()
    index = 0
    while index < len(words):
        if words[index] in {"-exec", "-execdir", "-ok", "-okdir"}:
            while index < len(words) and words[index] != ";" and not (words[index] == "+" and words[index - 1] == "{}"):
                index += 1
        elif words[index] in {"-x", "-X", "--exec", "--exec-batch"}:
            break
        else:
            kept.append(words[index])
        index += 1
    return tuple(kept)
