"""Secrets of an input wherever else they stand: bare in the same input, in its directory, in the reason of its verdict.

Pure.

What goes by a name in one place (`login --token X`) may stand without one in another (`echo X`). So a secret that was
masked is looked for as it is, if it is too long to be a part of ordinary words. A reason may show a part of one, since
words of a command stand in it cut short.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Final

from actors.speed_layer.audit.form_search import MASK, without_forms

LONG: Final = 8
"""A secret of so many characters is masked wherever it is repeated; shorter ones are in words that are none."""

CERTAIN: Final = 24
"""So many it must have where it may be a word after all: in a file, what follows `token` may be `currently`."""

MAX_REPEATED: Final = 64
"""How many secrets are looked for in an input: in all of its texts that takes 1 ms, and 10 ms in the worst ones."""

_AROUND: Final = "\"'\\ \t\r\n,;()[]{}"
"""What may stand around a secret and is none of it."""

MAX_SOUGHT: Final = 64
"""How many secrets of an input are looked for in its reason; where there are more, only the rule's words are kept."""

MAX_SOUGHT_TEXT: Final = 4096
"""How many characters these have together, at most: to look for so many takes 1 ms."""

SHARED: Final = 6
"""How many characters in a row a reason may not share with a secret: fewer are in words that are none."""


class Repetitions:
    """The secrets of one input that are masked wherever they stand.

    Args:
        secrets: All secrets of the input, as they were found.
        sure: Those of them that a field or a command says to be one; others are words unless they have a digit.
    """

    def __init__(self, secrets: Sequence[str], sure: Collection[str] = ()) -> None:
        self._secrets = secrets
        bare = {secret.strip(_AROUND) for secret in secrets if secret in sure or _is_no_word(secret)}
        self._long = sorted((each for each in bare if len(each) >= LONG and each != MASK), key=len, reverse=True)

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._long)

    def without(self, text: str) -> str:
        """Return a text without them; where there are more than `MAX_REPEATED`, nothing of it is kept."""
        if len(self._long) > MAX_REPEATED:
            return MASK if text else text
        for secret in self._long:
            text = text.replace(secret, MASK)
        return text

    def without_at_the_end(self, text: str) -> str:
        """Return a text without them that goes on behind its end, where the beginning of one may stand."""
        text = self.without(text)
        for secret in self._long:
            begins = text.find(secret[:LONG], max(0, len(text) - len(secret)))
            if begins >= 0:
                text = text[:begins] + MASK
        return text

    def reason_without(self, text: str, given: str) -> str:
        """Return a reason without the secrets, any stretch of them, and what looks like one.

        Args:
            text: The reason.
            given: The reason that the verdict's rule gives.
        """
        if len(self._secrets) > MAX_SOUGHT or sum(map(len, self._secrets)) > MAX_SOUGHT_TEXT:
            return as_the_rule_gave(text, given)
        text = _without(self._parts, without_forms(text)[0])
        for secret in self._secrets:
            if len(secret) < SHARED:
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
        return text

    @cached_property
    def _parts(self) -> frozenset[str]:
        return _stretches(self._secrets)


NOTHING_REPEATED: Final = Repetitions(())


def as_the_rule_gave(reason: str, given: str) -> str:
    """Return what a rule gave of a reason: for where nobody knows what of it is secret.

    All else may be words of the request, which stand in reasons with quotes and without.

    Args:
        reason: As the verdict has it: the rule's, that behind what it is about, either before those of other rules, or
            none of a rule.
        given: The rule's; empty where no rule gave one.
    """
    if not given:
        return MASK
    whole = f"{reason}; "
    if whole.startswith(f"{given}; "):
        before = ""
    elif f": {given}; " in whole:
        before = f"{MASK}: "
    else:
        return MASK
    return before + without_forms(given)[0] + ("" if reason.endswith(given) else f"; {MASK}")


def _is_no_word(secret: str) -> bool:
    return len(secret) >= CERTAIN or any(map(str.isdigit, secret))


def _stretches(secrets: Sequence[str]) -> frozenset[str]:
    """Return all stretches of secrets that a reason may not show."""
    return frozenset(secret[place : place + SHARED] for secret in secrets for place in range(len(secret) - SHARED + 1))


def _without(parts: frozenset[str], text: str) -> str:
    """Return a text without any stretch of a secret: reasons show words of a command cut short."""
    kept: list[str] = []
    place = 0
    while place < len(text):
        if text[place : place + SHARED] not in parts:
            kept.append(text[place])
            place += 1
            continue
        while text[place : place + SHARED] in parts:
            place += 1
        kept.append(MASK)
        place += SHARED - 1
    return "".join(kept)
