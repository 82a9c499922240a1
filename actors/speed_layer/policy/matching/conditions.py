"""The conditions of a command rule, prepared once so that a request evaluates only those a rule has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Any, Final

import re2 as untyped_re2

from actors.speed_layer.command.options import SHORT
from actors.speed_layer.command.simple_command import SimpleCommand
from actors.speed_layer.policy.matching.globs import QUIET, said
from actors.speed_layer.policy.rule_tables import CommandRule
from actors.speed_layer.proofs.argument_values import SQL_NOISE
from actors.speed_layer.proofs.everyday_tasks import script

re2: Any = untyped_re2  # the package has no type information
MAX_SEARCHED: Final = 2048
"""How many characters patterns that look around see: `re` backtracks, so its time may grow with their square."""
MAX_SUBCOMMANDS: Final = 6
"""How many words behind a program may say what to do; the longest in use have four (`az network vnet subnet list`)."""
SUBCOMMAND: Final = re.compile(r"[A-Za-z][A-Za-z0-9:_-]*\Z")
MAX_KEPT: Final = 256
"""How many answers each pattern keeps: a few hundred words come again and again."""
MAX_KEPT_LENGTH: Final = 64
"""Length of the longest word whose answer is kept; longer ones hardly come twice."""
AROUND: Final = re.compile(r"\(\?[=!<]")
Condition = Callable[[SimpleCommand, tuple[str, ...]], bool]
"""From a command and its words behind the rule's first ones to whether the condition is met."""
LISTS_OPTIONS: Final = frozenset({"set", "setopt", "shopt"})


class AnyOption:
    """Looks for options among words, in any form: alone, in a bundle, with a value.

    Args:
        names: The options.
        loosely: Whether a long option may be abbreviated.
    """

    __slots__ = ("_exact", "_letters", "_long")

    def __init__(self, names: Sequence[str], *, loosely: bool) -> None:
        self._exact = frozenset(names)
        self._letters = frozenset(name[1] for name in names if len(name) == SHORT and name[0] == "-")
        self._long = tuple(name for name in names if name.startswith("--")) if loosely else ()

    def among(self, words: tuple[str, ...]) -> bool:
        """Return whether one is given."""
        if not self._exact.isdisjoint(words):
            return True
        for word in words:
            if word[:1] != "-":
                continue
            name = word.partition("=")[0]
            if name in self._exact:
                return True
            if word[1:2] != "-":
                if not self._letters.isdisjoint(name):
                    return True
            elif len(name) > SHORT + 2 and self._long and any(long.startswith(name) for long in self._long):
                return True
        return False


class AnyPattern:
    """Several patterns at once, searched for in time that grows with the text alone.

    Short words come again and again, so what was found in them is kept. Patterns that look ahead are beyond re2 and
    see only the first `MAX_SEARCHED` characters.

    Args:
        patterns: The patterns; `(?i)` at the start of one counts for it alone.

    Raises:
        ValueError: One is not a regular expression.
    """

    __slots__ = ("_known", "_looking", "_plain")

    def __init__(self, patterns: Sequence[str]) -> None:
        self._known = lru_cache(MAX_KEPT)(self._search)
        plain, looking = list[str](), list[str]()
        for one in patterns:
            part = f"(?i:{one[4:]})" if one.startswith("(?i)") else f"(?:{one})"
            (looking if AROUND.search(one) else plain).append(part)
        try:
            self._plain: Any = re2.compile("|".join(plain), QUIET) if plain else None
            self._looking = re.compile("|".join(looking)) if looking else None
        except (re.error, re2.error) as error:
            raise ValueError(f"not a regular expression: {said(error)}") from error

    def search(self, text: str) -> bool:
        """Return whether one of the patterns is found."""
        return self._known(text) if len(text) <= MAX_KEPT_LENGTH else self._search(text)

    def _search(self, text: str) -> bool:
        if self._plain is not None and self._plain.search(text):
            return True
        return self._looking is not None and self._looking.search(text, 0, MAX_SEARCHED) is not None


def conditions(rule: CommandRule) -> tuple[tuple[Condition, str], ...]:
    """Return a rule's conditions, cheapest first, each with what to say when it is not met.

    Raises:
        ValueError: A condition cannot be prepared.
    """
    return tuple((build(rule), why) for name, build, why in CONDITIONS if getattr(rule, name))


def _via(names: frozenset[str]) -> Condition:
    return lambda command, _rest: command.origin in names


def _script(command: SimpleCommand, _rest: tuple[str, ...]) -> bool:
    return "/" in command.words[0] and script(command.words[0]) is None


def _dumps(command: SimpleCommand, rest: tuple[str, ...]) -> bool:
    return all(word.startswith("-") for word in rest) and not (rest and command.words[0] in LISTS_OPTIONS)


def _writes(command: SimpleCommand, _rest: tuple[str, ...]) -> bool:
    return any(one.writes and one.to_stdout for one in command.redirects)


def _has(given: AnyOption) -> Condition:
    return lambda _command, rest: given.among(rest)


def _leads(given: AnyOption) -> Condition:
    def check(_command: SimpleCommand, rest: tuple[str, ...]) -> bool:
        front = takewhile(lambda word: word.startswith("-"), rest)
        return any(given.among((word,)) for word in front)

    return check


def _has_not(given: AnyOption) -> Condition:
    return lambda _command, rest: not given.among(rest)


def _fed(names: frozenset[str]) -> Condition:
    def check(command: SimpleCommand, _rest: tuple[str, ...]) -> bool:
        return command.stdin is not None and _among(names, command.stdin.producers)

    return check


def _made(names: frozenset[str]) -> Condition:
    return lambda command, _rest: _among(names, command.sources)


def _among(names: frozenset[str], commands: Iterable[SimpleCommand]) -> bool:
    return any(one.words and one.words[0].rpartition("/")[2] in names for one in commands)


def _bare(_command: SimpleCommand, rest: tuple[str, ...]) -> bool:
    return all(word.startswith("-") for word in rest)


def _first(pattern: AnyPattern) -> Condition:
    def check(_command: SimpleCommand, rest: tuple[str, ...]) -> bool:
        word = next((word for word in rest if not word.startswith("-")), "")
        return pattern.search(word)

    return check


def _subcommand(pattern: AnyPattern) -> Condition:
    return lambda _command, rest: any(pattern.search(name) for name in subcommands(rest))


def subcommands(rest: tuple[str, ...]) -> list[str]:
    """Return the names behind a program that say what to do, up to the first word that is not such a name."""
    found: list[str] = []
    behind_option = False
    for word in rest[:MAX_SUBCOMMANDS]:
        if word.startswith("-"):
            behind_option = "=" not in word
        elif behind_option:
            behind_option = False
        elif SUBCOMMAND.match(word):
            found.append(word)
        else:
            break
    return found


def _words(pattern: AnyPattern) -> Condition:
    return lambda _command, rest: any([pattern.search(word) for word in rest])  # noqa: C419 - quicker than a generator


def _text(pattern: AnyPattern, noise: re.Pattern[str] | None) -> Condition:
    def found(text: str) -> bool:
        return pattern.search(noise.sub(" ", text) if noise is not None else text)

    def check(command: SimpleCommand, rest: tuple[str, ...]) -> bool:
        if any(found(word) for word in rest):
            return True
        return command.stdin is not None and command.stdin.text is not None and found(command.stdin.text)

    return check


CONDITIONS: Final[tuple[tuple[str, Callable[[CommandRule], Condition], str], ...]] = (
    ("via", lambda rule: _via(frozenset(rule.via)), "it is not run by what the rule is about"),
    ("script", lambda _rule: _script, "it is not a script of the workspace for everyday work"),
    ("dumps", lambda _rule: _dumps, "it names what it is about"),
    ("writes", lambda _rule: _writes, "it prints to no file"),
    ("bare", lambda _rule: _bare, "it has words"),
    ("has", lambda rule: _has(AnyOption(rule.has, loosely=True)), "it has none of the options the rule is about"),
    ("leads", lambda rule: _leads(AnyOption(rule.has, loosely=not rule.leads)), "a word stands before the option"),
    (
        "unless_has",
        lambda rule: _has_not(AnyOption(rule.unless_has, loosely=rule.verdict == "allow")),
        "it has an option the rule leaves alone",
    ),
    ("fed_by", lambda rule: _fed(frozenset(rule.fed_by)), "nothing the rule is about feeds it"),
    ("made_by", lambda rule: _made(frozenset(rule.made_by)), "no substitution the rule is about makes its words"),
    ("first", lambda rule: _first(AnyPattern(rule.first)), "its first word is not what the rule is about"),
    (
        "subcommand",
        lambda rule: _subcommand(AnyPattern([f"^(?:{one})$" for one in rule.subcommand])),
        "none of its subcommands is what the rule is about",
    ),
    ("words", lambda rule: _words(AnyPattern(rule.words)), "none of its words is what the rule is about"),
    ("sql", lambda rule: _text(AnyPattern(rule.sql), SQL_NOISE), "no SQL in it is what the rule is about"),
    ("text", lambda rule: _text(AnyPattern(rule.text), None), "no text in it is what the rule is about"),
)
"""Fields of a rule that are conditions, cheapest first."""
