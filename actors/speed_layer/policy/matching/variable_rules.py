"""Verdicts over variables: those set for a command, those exported, and secrets that a command prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from actors.speed_layer.command.simple_command import SimpleCommand
from actors.speed_layer.policy.matching.globs import GlobSet, whole
from actors.speed_layer.policy.matching.path_rules import STRICTNESS, Finding
from actors.speed_layer.policy.rule_tables import VariableRule

SECRET_NAME: Final = re.compile(
    r"(?:.*_)?(?:SECRET|TOKEN|PASSWORD|PASSWD|PASS|API_?KEY|PRIVATE_KEY|ACCESS_KEY(?:_ID)?|CREDENTIALS?|SECRET_ACCESS_KEY|SECRET_KEY|DATABASE_URL|AUTH)(?:_.*)?\Z"
)


MAX_KEPT: Final = 256
"""Of how many names it is kept which rules are about them: some dozens come again and again, and asking takes 20 us."""
MAX_KEPT_LENGTH: Final = 64
"""Length of the longest name of which it is kept."""
MAX_VALUE: Final = 2048
"""Length of the longest value that is looked at; a longer one is as good as unknown."""


_Compiled = tuple[VariableRule, Callable[[str], bool] | None]
"""A variable rule, and what says whether it is about a value; None where it is about any."""


def _values(rule: VariableRule) -> Callable[[str], bool]:
    """Return what says whether a rule applies to a value.

    An expression that looks around is beyond re2 and takes Python's, which may take the square of a value's length, or
    more; no rule that is shipped does.
    """
    try:
        return whole(rule.values)
    except ValueError:
        pass
    try:
        compiled = re.compile(rule.values, re.DOTALL)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return lambda value: compiled.fullmatch(value) is not None


def _begins(words: tuple[str, ...], beginnings: Sequence[str]) -> bool:
    """Return whether a command's first words are one of these."""
    return any(words[: len(one)] == tuple(one) for one in map(str.split, beginnings))


class VariableRules:
    """All variable rules of a policy; the strictest that matches wins."""

    def __init__(self) -> None:
        self._rules: list[_Compiled] = []
        self._globs: list[str] = []
        self._owners: list[tuple[int, bool]] = []
        self._set: GlobSet | None = None
        self._known = lru_cache(MAX_KEPT)(self._about)

    def add(self, rule: VariableRule) -> None:
        """Add a rule; raise `ValueError` if its values are no regular expression."""
        for globs, own in ((rule.names, True), (rule.but, False)):
            self._globs += globs
            self._owners += [(len(self._rules), own)] * len(globs)
        self._rules.append((rule, _values(rule) if rule.values else None))

    def judge(self, command: SimpleCommand, excluded: frozenset[str]) -> list[Finding]:
        """Return what the rules say to a command's assignments; the shell's own variables need no rule.

        Args:
            command: The command.
            excluded: The ids of rules that do not hold.
        """
        found = [self._one(name, value, command.words, excluded) for name, value in command.env]
        found.extend(self._one(name, value, (), excluded) for name, value in command.sets)
        return found

    def _one(self, name: str, value: str | None, words: tuple[str, ...], excluded: frozenset[str]) -> Finding:
        shell = not words
        best: Finding | None = None
        for rule, values in self._known(name) if len(name) <= MAX_KEPT_LENGTH else self._about(name):
            if rule.id in excluded or (shell and not rule.shell):
                continue
            if _begins(words, rule.unless_before) or (rule.before and not _begins(words, rule.before)):
                continue
            if values is not None and not self._fits(rule, values, value):
                continue
            if best is None or STRICTNESS[rule.verdict] > STRICTNESS[best.verdict]:
                best = Finding(rule.verdict, rule.id, f"sets {name}: {rule.reason}", aside=True)
        if best is not None:
            return best
        if shell:
            return Finding("allow", None, f"sets {name}, a variable of the shell alone", aside=True)
        return Finding(
            "ask",
            None,
            f"sets {name}{'' if value is not None else ' to a value known only at run time'}: no rule covers that",
        )

    def _about(self, name: str) -> list[_Compiled]:
        """Return the rules that are about a variable of this name, each with what says whether it is about a value."""
        if self._set is None:
            self._set = GlobSet(self._globs, case=True)
        hits = [self._owners[index] for index in self._set.matches(name)]
        left_alone = {place for place, own in hits if not own}
        return [self._rules[place] for place in sorted({place for place, own in hits if own} - left_alone)]

    @staticmethod
    def _fits(rule: VariableRule, values: Callable[[str], bool], value: str | None) -> bool:
        """Return whether a rule applies to a value; one that may be any value meets every rule but `allow`."""
        return rule.verdict != "allow" if value is None or len(value) > MAX_VALUE else values(value)

    @staticmethod
    def secret(name: str) -> Finding | None:
        """Return a finding for a variable whose name says that its value is a secret."""
        if SECRET_NAME.match(name.upper()):
            return Finding("ask", "secrets.variable", f"{name} looks like a secret", ("secret",))
        return None
