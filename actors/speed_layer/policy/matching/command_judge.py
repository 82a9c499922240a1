"""Judges one simple command: its variables, redirections and words, against all rules at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, takewhile
from typing import Final

import msgspec

from actors.speed_layer.command.simple_command import UNKNOWN, SimpleCommand
from actors.speed_layer.command.steps import Steps
from actors.speed_layer.policy.matching.command_prefix_graph import CompiledCommandRule, PrefixMatch
from actors.speed_layer.policy.matching.command_rule_lookup import CommandRules
from actors.speed_layer.policy.matching.emptied import EDITORS, WRITERS, emptied
from actors.speed_layer.policy.matching.harmless_forms import asks_for_help, only_tries
from actors.speed_layer.policy.matching.identity_options import only_identifies
from actors.speed_layer.policy.matching.path_rules import STRICTNESS, Access, Finding, PathRules, Workspace, inside
from actors.speed_layer.policy.matching.variable_rules import VariableRules
from actors.speed_layer.policy.matching.word_coverage import RUNS_NOTHING, Proof, trusted
from actors.speed_layer.policy.rule_tables import LAYERS, Layer
from actors.speed_layer.policy.ruling import RuleTrace

HELP: Final = Finding("allow", "core.help", "prints a version or how it is used")
HELP_OF_FILE: Final = msgspec.structs.replace(HELP, runs=True)
"""The same of a program that is a file of the project, such as `./gradlew`: an agent may have written it."""
OUT_OF_SCOPE: Final = "it is not for this role, or not for this time"
STEPS_OF_COMMAND: Final = 12
"""Steps that it takes to judge a command of few words that one rule is about."""
STEPS_OF_PATH: Final = 9
"""Steps that it takes to judge a path that was not judged before."""
STEPS_OF_VARIABLE: Final = 25
"""Steps that it takes to judge the setting of a variable that was not judged before."""
STEPS_OF_NAME: Final = 3
"""Steps that it takes to judge the name of a variable that is read."""
STEP_LENGTH: Final = 24
"""How many characters of words are looked at for a rule in a step."""
RANKS: Final[dict[Layer, int]] = {layer: rank for rank, layer in enumerate(LAYERS)}
MAY_EMPTY: Final = EDITORS | WRITERS
"""Programs that may empty a file without a redirection to it."""
MOST_SHOWN: Final = 80
"""How many characters of a program's name are shown."""
VERB: Final = re.compile(r"[a-z][a-z-]{0,29}\Z")
"""A word that says what a program is to do; no secret looks like that."""
APPENDS: Final = frozenset({">>", "&>>", "<>"})


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

    def judge(
        self,
        command: SimpleCommand,
        workspace: Workspace,
        steps: Steps,
        findings: list[Finding],
        trace: list[RuleTrace] | None = None,
    ) -> None:
        """Add what the rules say to every part of a command.

        Args:
            command: The command.
            workspace: The request's workspace.
            steps: Counts what it takes.
            findings: What is added to; it keeps what was found before the steps ran out.
            trace: Where the rules that are looked at are written down.

        Raises:
            OutOfSteps: It would take too long.
        """
        steps.spend(STEPS_OF_COMMAND + len(command.words))
        if command.env or command.sets:
            steps.spend((len(command.env) + len(command.sets)) * STEPS_OF_VARIABLE)
            findings += self._variables.judge(command, workspace.excluded)
        if command.redirects or command.variables:
            steps.spend(len(command.redirects) * STEPS_OF_PATH + len(command.variables) * STEPS_OF_NAME)
        if command.redirects or (command.words and command.words[0] in MAY_EMPTY):
            findings += self._redirected(command, workspace)
        for name in command.variables:
            secret = self._variables.secret(name)
            if secret is not None:
                findings.append(msgspec.structs.replace(secret, tags=()) if only_identifies(command) else secret)
        root = workspace.root
        if command.words and root is not None and command.cwd != root and not inside(command.cwd, workspace):
            place = command.cwd or "a directory known only at run time"
            findings.append(Finding("ask", None, f"it runs in {place}, outside the workspace"))
        if command.words and not command.function:
            self._words(command, workspace, steps, findings, trace)

    def _redirected(self, command: SimpleCommand, workspace: Workspace) -> Iterator[Finding]:
        for redirect in command.redirects:
            access: Access = "read" if not redirect.writes else "write" if redirect.op in APPENDS else "truncate"
            yield self._paths.judge_in_all_directories(command, redirect.path, access, command.cwd, workspace)
            if redirect.op == ">" and not command.words and command.origin != "group":
                yield Finding("ask", None, f"empties {redirect.path}")
        why = emptied(command)
        if why is not None:
            yield Finding("ask", "files.emptied", why)

    def _words(
        self,
        command: SimpleCommand,
        workspace: Workspace,
        steps: Steps,
        findings: list[Finding],
        trace: list[RuleTrace] | None,
    ) -> None:
        if UNKNOWN in command.words[0]:
            findings.append(Finding("ask", None, "the program is known only at run time"))
            return
        weight, excluded = _weight(command), workspace.excluded
        refusal = ""
        proofs: dict[Layer, list[Finding]] = {}
        decided = False
        settled: Layer | None = None
        for found in _without_help(self._commands.find(command), command.words, proofs):
            compiled = found.compiled
            if compiled.allows and compiled.layer == settled and trace is None:
                continue
            steps.spend(weight)
            why = _unmet(found, command) if compiled.conditions else None
            if excluded and compiled.rule.id in excluded:
                why = OUT_OF_SCOPE
            if why is None and compiled.allows:
                proof = Proof(self._paths, command, workspace, steps)
                why = proof.fails(found)
                if why is None:
                    worst = _keep_mildest(proofs, compiled.layer, [compiled.finding, *proof.findings])
                    settled = settled if worst else compiled.layer
                else:
                    refusal = why if refusal in {"", RUNS_NOTHING} else refusal
            elif why is None:
                decided = True
                findings.append(_tried(compiled, command) if compiled.rule.verdict == "deny" else compiled.finding)
                findings.extend(self._touched(found, command, workspace, steps))
            if trace is not None:
                trace.append(RuleTrace(compiled.rule.id, why is None, why or compiled.rule.reason))
        findings.extend(chain.from_iterable(proofs.values()))
        decided = decided or self._otherwise(
            command, workspace, findings, proofs, weight=weight, steps=steps, trace=trace
        )
        if not decided and not proofs:
            findings.append(Finding("ask", None, self._uncovered(command.words, refusal)))

    def _uncovered(self, words: tuple[str, ...], refusal: str) -> str:
        """Say that no rule covers a command: which program it is, with the words that say what it is to do."""
        program = words[0][:MOST_SHOWN]
        if refusal:
            return refusal if refusal.startswith((program, f"`{program}")) else f"{program}: {refusal}"
        if not self._commands.speak_of(words[0]):
            return f"no rule knows the program `{program}`"
        verb = takewhile(VERB.match, words[1:3])
        return f"no rule covers this use of `{' '.join([program, *verb])}`"

    def _otherwise(
        self,
        command: SimpleCommand,
        workspace: Workspace,
        findings: list[Finding],
        proofs: dict[Layer, list[Finding]],
        *,
        weight: int,
        steps: Steps,
        trace: list[RuleTrace] | None,
    ) -> bool:
        """Add what rules over commands that nothing else covers say; return whether one does."""
        decided = False
        proved = min([RANKS[layer] for layer in proofs]) if proofs else len(RANKS)
        for found in self._commands.otherwise():
            compiled = found.compiled
            if proved <= RANKS[compiled.layer]:
                continue
            steps.spend(weight)
            why = OUT_OF_SCOPE if compiled.rule.id in workspace.excluded else _unmet(found, command)
            if why is None and compiled.rule.verdict == "allow":
                why = Proof(self._paths, command, workspace, steps).fails(found)
            if why is None:
                decided = True
                findings.append(compiled.finding)
            if trace is not None:
                trace.append(RuleTrace(compiled.rule.id, why is None, why or compiled.rule.reason))
        return decided

    def _touched(
        self, found: PrefixMatch, command: SimpleCommand, workspace: Workspace, steps: Steps
    ) -> Iterator[Finding]:
        access = found.compiled.rule.touches
        if access is None:
            return
        options = True
        for word in command.words[found.start :]:
            if options and word == "--":
                options = False
            elif not (options and word.startswith("-")):
                steps.spend(STEPS_OF_PATH * (1 + len(command.fallbacks)))
                yield self._paths.judge_in_all_directories(command, word, access, command.cwd, workspace)


def _weight(command: SimpleCommand) -> int:
    """Return the steps that it takes to see whether a rule is about a command, or covers it."""
    words, stdin = command.words, command.stdin
    weight = 3 + 2 * len(words) + sum(map(len, words)) // STEP_LENGTH
    if stdin is not None:
        weight += len(stdin.text or "") // STEP_LENGTH + len(stdin.producers)
    return weight


def _unmet(found: PrefixMatch, command: SimpleCommand) -> str | None:
    rest = command.words[found.start :]
    for condition, why in found.compiled.conditions:
        if not condition(command, rest):
            return why
    return None


def _without_help(
    known: tuple[PrefixMatch, ...], words: tuple[str, ...], proofs: dict[Layer, list[Finding]]
) -> tuple[PrefixMatch, ...]:
    """Leave out what the shipped rules forbid of a command that only asks for help, which is proved by that."""
    if not asks_for_help(words) or ("/" in words[0] and not trusted(words[0])):
        return known
    kept = tuple(one for one in known if one.compiled.allows or one.compiled.layer != LAYERS[0])
    if any(one.compiled.layer == LAYERS[0] for one in known):
        proofs[LAYERS[0]] = [HELP_OF_FILE if "/" in words[0] else HELP]
    return kept


def _tried(compiled: CompiledCommandRule, command: SimpleCommand) -> Finding:
    """Return what a rule that denies says: that a person is asked where the command is only to be tried."""
    if compiled.layer != LAYERS[0] or not only_tries(command.words, compiled.rule):
        return compiled.finding
    return Finding("ask", compiled.rule.id, f"{compiled.rule.reason}; it says that it only tries")


def _keep_mildest(proofs: dict[Layer, list[Finding]], layer: Layer, findings: list[Finding]) -> int:
    """Keep the mildest findings of a layer's allow rules: each of them alone proves that the command may run.

    Returns:
        The rank of the strictest of the findings kept.
    """
    before = proofs.get(layer)
    worst = _worst(findings)
    if before is not None and _worst(before) <= worst:
        return _worst(before)
    proofs[layer] = findings
    return worst


def _worst(findings: list[Finding]) -> int:
    return max([STRICTNESS[finding.verdict] for finding in findings])
