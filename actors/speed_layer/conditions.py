"""The conditions of a command rule, prepared once so that a request evaluates only those a rule has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from actors.speed_layer.options import SHORT
from actors.speed_layer.rules import CommandRule
from actors.speed_layer.simple_command import SimpleCommand
from actors.speed_layer.tasks import script

Condition = Callable[[SimpleCommand, tuple[str, ...]], bool]
"""From a command and its words behind the rule's first ones to whether the condition is met."""
LISTS_OPTIONS: Final = frozenset({"set", "setopt", "shopt"})


class Given:
    """Looks for options among words, in any form: alone, in a bundle, with a value.

    Args:
        names: The options.
        loosely: Whether a long option may be abbreviated.
    """

    __slots__ = ("_exact", "_letters", "_long")

    def __init__(self, names: list[str], *, loosely: bool) -> None:
        self._exact = frozenset(names)
        self._letters = frozenset(name[1] for name in names if len(name) == SHORT and name[0] == "-")
        self._long = tuple(name for name in names if name.startswith("--")) if loosely else ()

    def among(self, words: tuple[str, ...]) -> bool:
        """Return whether one is given."""
        for word in words:
            if word[:1] != "-":
                if word in self._exact:
                    return True
                continue
            name = word.partition("=")[0]
            if name in self._exact or word in self._exact:
                return True
            if word[1:2] != "-":
                if not self._letters.isdisjoint(name):
                    return True
            elif len(name) > SHORT + 2 and self._long and any(long.startswith(name) for long in self._long):
                return True
        return False


def either(patterns: list[str]) -> re.Pattern[str]:
    """Return one pattern for several; `(?i)` at the start of one counts for it alone.

    Raises:
        ValueError: One is no regular expression.
    """
    parts = [f"(?i:{one[4:]})" if one.startswith("(?i)") else f"(?:{one})" for one in patterns]
    try:
        return re.compile("|".join(parts))
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


def conditions(rule: CommandRule) -> tuple[tuple[Condition, str], ...]:
    """Return a rule's conditions, cheapest first, each with what to say when it is not met.

    Raises:
        ValueError: A condition cannot be prepared.
    """
    return tuple(_conditions(rule))


def _conditions(rule: CommandRule) -> Iterator[tuple[Condition, str]]:
    if rule.via:
        yield _via(frozenset(rule.via)), "it is not run by " + ", ".join(rule.via)
    if rule.script:
        yield _script, "it is not a script of the workspace for everyday work"
    if rule.dumps:
        yield _dumps, "it names what it is about"
    if rule.writes:
        yield _writes, "it prints to no file"
    if rule.has:
        yield _has(Given(rule.has, loosely=True)), "it has none of " + ", ".join(rule.has)
    if rule.unless_has:
        unless = Given(rule.unless_has, loosely=rule.verdict == "allow")
        yield _has_not(unless), "it has one of " + ", ".join(rule.unless_has)
    if rule.fed_by:
        yield _fed(frozenset(rule.fed_by)), "nothing the rule is about feeds it"
    if rule.words:
        yield _words(either(rule.words)), "none of its words is what the rule is about"
    if rule.text:
        yield _text(either(rule.text)), "no text in it is what the rule is about"


def _via(names: frozenset[str]) -> Condition:
    return lambda command, _rest: command.origin in names


def _script(command: SimpleCommand, _rest: tuple[str, ...]) -> bool:
    return "/" in command.words[0] and script(command.words[0]) is None


def _dumps(command: SimpleCommand, rest: tuple[str, ...]) -> bool:
    return all(word.startswith("-") for word in rest) and not (rest and command.words[0] in LISTS_OPTIONS)


def _writes(command: SimpleCommand, _rest: tuple[str, ...]) -> bool:
    return any(one.writes and one.to_stdout for one in command.redirects)


def _has(given: Given) -> Condition:
    return lambda _command, rest: given.among(rest)


def _has_not(given: Given) -> Condition:
    return lambda _command, rest: not given.among(rest)


def _fed(names: frozenset[str]) -> Condition:
    def check(command: SimpleCommand, _rest: tuple[str, ...]) -> bool:
        feeding = [*command.sources, *(command.stdin.producers if command.stdin else ())]
        return any(one.words and one.words[0].rpartition("/")[2] in names for one in feeding)

    return check


def _words(pattern: re.Pattern[str]) -> Condition:
    return lambda _command, rest: any([pattern.search(word) for word in rest])  # noqa: C419 - quicker than a generator


def _text(pattern: re.Pattern[str]) -> Condition:
    def check(command: SimpleCommand, rest: tuple[str, ...]) -> bool:
        if any(pattern.search(word) for word in rest):
            return True
        return command.stdin is not None and command.stdin.text is not None and bool(pattern.search(command.stdin.text))

    return check
