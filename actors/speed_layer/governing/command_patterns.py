"""A decision on one shell command, generalised to others like it. Pure.

What it covers is deliberately little, since a person has looked at one command and not at those to come: one simple
command that is proved to be all that the line runs, with no redirection, assignment or expansion, in the same working
directory, that begins with the same words (the program and its options up to the second word, such as `git push`),
followed by plain words and by the options that the decided one had. And it answers one question: where another rule
asks too, or a rule denies, it does not hold.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from actors.speed_layer.policy.engine import Policy, Request

PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,+-]*(/[A-Za-z0-9_][A-Za-z0-9_.,+-]*)*\Z")
"""A word that is neither an option, nor a hidden file, nor a path out of the working directory, nor a URL."""

LEADING: Final = 2
"""How many words that are no options a covered command shares with the decided one: the program and its verb."""


class Pattern(msgspec.Struct, frozen=True):
    """Which commands a decision is for.

    Attributes:
        argv: The words that they begin with.
        options: The options that may follow, in any order.
        cwd: The working directory; None covers those alone that name none.
        rule: The rule whose `ask` is answered, None where it is that no rule decides.
    """

    argv: tuple[str, ...]
    options: tuple[str, ...]
    cwd: str | None
    rule: str | None

    def __str__(self) -> str:
        more = "".join(f" [{option}]" for option in self.options)
        asked = "no rule decides" if self.rule is None else f"rule {self.rule!r} asks"
        place = "no named directory" if self.cwd is None else self.cwd
        return f"`{' '.join(self.argv)}{more} ...` with plain words in {place}, where {asked} and nothing else does"


class NotGeneral(Exception):  # noqa: N818 - an answer, not a fault
    """The action cannot be generalised; the text says why."""


def generalised(policy: Policy, action: Request) -> Pattern:
    """Return which commands a decision on this one would be for.

    Raises:
        NotGeneral: It has to stay a decision on this one alone.
    """
    plain = policy.plain_command(action)
    if plain is None:
        raise NotGeneral("only one plain shell command that is proved to run nothing else becomes a rule")
    words, questions = plain
    if len(questions) != 1 or questions[0].verdict != "ask":
        raise NotGeneral("more than one question is open about it")
    length = _leading(words)
    if length is None:
        raise NotGeneral("it has no second word that a rule could begin with")
    options = tuple(sorted({word for word in words[length:] if word.startswith("-")}))
    pattern = Pattern(words[:length], options, action.cwd, questions[0].rule)
    if not _fits(pattern, words):
        raise NotGeneral("it ends in words that are not plain, such as a URL or a path out of the workspace")
    return pattern


def covers(pattern: Pattern, policy: Policy, request: Request) -> bool:
    """Say whether a decision is for this request too."""
    if request.cwd != pattern.cwd:
        return False
    plain = policy.plain_command(request)
    if plain is None:
        return False
    words, questions = plain
    return (
        len(questions) == 1
        and (questions[0].verdict, questions[0].rule) == ("ask", pattern.rule)
        and _fits(pattern, words)
    )


def _leading(words: tuple[str, ...]) -> int | None:
    places = [place for place, word in enumerate(words) if not word.startswith("-")]
    return places[LEADING - 1] + 1 if len(places) >= LEADING else None


def _fits(pattern: Pattern, words: tuple[str, ...]) -> bool:
    length = len(pattern.argv)
    return words[:length] == pattern.argv and all(
        word in pattern.options or PLAIN.match(word) is not None for word in words[length:]
    )
