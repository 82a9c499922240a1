"""Secrets made unreadable before an input, and the reason of its verdict, enter the audit log. Pure.

A mask that misses a secret keeps it for as long as the log is kept, so what looks like one is masked: by the name it
goes by, by the form that issuers give their keys (`secret_forms.py`), and inside addresses. Long texts are cut, because
the audit tells what was asked and is no copy of every file that an agent writes.

This runs on the loop, over texts that agents choose, so it has to take time in proportion to their length. One pass of
RE2 over a text, for all forms at once, says which of them are in it: none in most, and then nothing else is done. That
takes a fourteenth of the time of looking for each by itself (66 against 980 us for 3,900 characters of code, on a busy
machine of two cores).
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Final, cast

import re2

from actors.speed_layer.audit.secret_forms import KEYS, PLACES

_RE2: Final[Any] = re2
MASK: Final = "MASKED"
MAX_TEXT: Final = 4096
"""How many characters of one text are kept: any command, the beginning of a file. Masking so many takes 0.1 ms."""

BEYOND: Final = 512
"""How many characters behind those that are kept are looked at: a key that is cut in two shows its beginning."""

MAX_TEXT_IN_ALL: Final = 16 * MAX_TEXT
"""How many characters of all texts of one input are kept: masking so many takes 7 ms if all look like secrets."""

MAX_VALUES: Final = 256
"""How many values of one input are kept: masking so many takes 0.5 ms."""

MAX_DEPTH: Final = 32
"""How deep an input is kept: half as deep as the log takes an event, in which it is nested. No tool's is deeper than 8.

What the log refuses is stored bare and in an append of its own, so an agent could hide what it asked, and hold up the
audit of all others.
"""

SHORT_NAME: Final = 16
"""A field's name of so many characters holds no key: the shortest of those that are known has more."""

MAX_NAME: Final = 256
"""How many characters of a field's name are kept."""

MAX_SECRETS: Final = 512
"""How many secrets of one input are masked one by one, at some 5 us each; of a text with more nothing is kept."""

MAX_SOUGHT: Final = 64
"""How many secrets of an input are looked for in its reason; where there are more, only the rule's words are kept."""

MAX_SOUGHT_TEXT: Final = 4096
"""How many characters these have together, at most: to look for so many takes 1 ms."""

SHARED: Final = 6
"""How many characters in a row a reason may not share with a secret: fewer are in words that are none."""

_WORDS: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SECRET_WORDS: Final = frozenset({
    *("secret", "secrets", "token", "password", "passwords", "passwd", "passphrase", "passcode", "pwd", "pw", "apikey"),
    *("credential", "credentials", "creds", "authorization", "cookie", "cookies", "jwt", "otp", "privatekey"),
    *("accesskey", "secretkey", "authtoken", "accesstoken", "connectionstring"),
})  # fmt: skip
_SECRET_SUFFIXES: Final = ("password", "passwd", "secret", "token", "apikey")
_SECRET_ENDS: Final = frozenset({"auth", "pass", "bearer"})
_SECRET_PAIRS: Final = frozenset({
    *(("api", "key"), ("private", "key"), ("access", "key"), ("account", "key"), ("auth", "key"), ("master", "key")),
    *(("encryption", "key"), ("signing", "key"), ("session", "key"), ("storage", "key"), ("connection", "string")),
    *(("api", "keys"), ("api", "tokens"), ("access", "tokens"), ("auth", "tokens")),
})  # fmt: skip


class _Forms:
    """All forms of secrets in one automaton, and each by itself for what is found."""

    def __init__(self) -> None:
        self._each: dict[int, Any] = {}
        self._forms = [("", ""), *PLACES, *((form, "") for form in KEYS.values())]
        self._set: Any = _RE2.Set.SearchSet(_options())
        for form, _ in self._forms:
            self._set.Add(form)
        self._set.Compile()

    def masked(self, text: str, secrets: list[str]) -> str:
        """Return a text without its secrets, which are added to a list, as long as that is; beyond, nothing is kept."""
        encoded = text.encode("utf-8", "replace")
        found: Sequence[int] = self._set.Match(encoded) or range(
            len(self._forms)
        )  # the empty form is in each, unless memory ran out
        if found == [0]:
            return text
        for index in sorted(found):
            if index:
                encoded = self._without(index, encoded, secrets)
        return encoded.decode("utf-8", "replace")

    def _without(self, index: int, text: bytes, secrets: list[str]) -> bytes:
        form, keeps = self._forms[index]
        if index not in self._each:
            self._each[index] = _RE2.compile(form.encode(), _options())
        kept: list[bytes] = []
        end = 0
        for found in self._each[index].finditer(text):
            if len(secrets) >= MAX_SECRETS:
                return MASK.encode()
            start = found.end(1) if keeps else found.start()
            kept += text[end:start], MASK.encode()
            end = found.end()
            if text[start:end] != MASK.encode():
                secrets.append(text[start:end].decode("utf-8", "replace"))
        return b"".join([*kept, text[end:]])


def _options() -> Any:
    options = _RE2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20  # an upper bound: what is taken grows with the texts, by some 100 KB
    return options


@cache
def prepare() -> _Forms:
    """Compile all forms, once a process: that takes some 5 ms, so it is done when the first verdict is to be stored."""
    return _Forms()


class Masked:
    """An input without its secrets.

    Args:
        value: The input: plain values.

    Attributes:
        value: What may be kept.
        whole: Whether nothing was masked or cut, so that it can be judged again.
        size: How many characters were looked at, those of the secrets included: what has many holds up the loop.
    """

    def __init__(self, value: dict[str, Any]) -> None:
        self.whole = True
        self.size = 0
        self._forms = prepare()
        self._left = MAX_VALUES
        self._kept = 0
        self._secrets: list[str] = []
        self._stretches: frozenset[str] | None = None
        self._reason = ("", "", "")
        self.value = self._masked(value)

    def reason(self, text: str, given: str = "") -> str:
        """Return the reason of a verdict on this input, without what was masked in the input and what looks like it.

        Args:
            text: The reason.
            given: The reason that the verdict's rule gives.
        """
        if self._reason[:2] != (text, given):
            self._reason = text, given, self._without_secrets(text, given)
        return self._reason[2]

    def _without_secrets(self, text: str, given: str) -> str:
        if len(self._secrets) > MAX_SOUGHT or sum(map(len, self._secrets)) > MAX_SOUGHT_TEXT:
            return as_the_rule_gave(text, given)
        text = _without_forms(text)
        if self._stretches is None:
            self._stretches = _stretches(self._secrets)
        text = _without(self._stretches, text)
        for secret in self._secrets:
            if len(secret) < SHARED:
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
        return text

    def _masked(self, value: Any, *, secret: bool = False, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            self.whole = False
            return None
        if isinstance(value, str):
            return self._hidden(value) if secret and value else self._text(value)
        if isinstance(value, dict):
            return self._fields(cast("dict[str, Any]", value), secret=secret, depth=depth + 1)
        if isinstance(value, list):
            items = cast("Any", value)[:MAX_VALUES]
            named = len(items) == 2 and isinstance(items[0], str) and _names_secret(items[0][:MAX_NAME])  # noqa: PLR2004 - a name and its value
            return [
                self._masked(each, secret=secret or (named and place == 1), depth=depth + 1)
                for place, each in enumerate(items)
            ]
        if secret and value is not None and not isinstance(value, bool):
            return self._hidden(str(value))
        return value

    def _fields(self, fields: dict[str, Any], *, secret: bool, depth: int) -> dict[str, Any]:
        name = fields.get("name", fields.get("key"))
        named = isinstance(name, str) and _names_secret(name[:MAX_NAME])  # as headers and variables are listed
        kept: dict[str, Any] = {}
        for key, value in itertools.islice(fields.items(), MAX_VALUES):
            hide = secret or _names_secret(key[:MAX_NAME]) or (named and key == "value")
            kept[self._name(key, kept)] = self._masked(value, secret=hide, depth=depth)
        return kept

    def _name(self, key: str, others: dict[str, Any]) -> str:
        self.size += min(len(key), MAX_NAME)
        if len(key) <= SHORT_NAME:
            return key
        shown = self._forms.masked(key[:MAX_NAME], self._secrets)
        if shown != key:
            self.whole = False
        return shown if shown not in others else f"{shown} {len(others)}"

    def _hidden(self, secret: str) -> str:
        self.whole = False
        self._secrets.append(secret[:MAX_TEXT])
        self.size += len(self._secrets[-1])
        return MASK

    def _text(self, text: str) -> str:
        most = max(0, min(MAX_TEXT, MAX_TEXT_IN_ALL - self._kept))
        kept = text if len(text) <= most else text[: most + BEYOND if most else 0]
        self.size += len(kept)
        kept = self._forms.masked(kept, self._secrets)
        if len(text) > most:
            kept = f"{kept[:most]}... ({len(text)} characters)"
        self._kept += len(kept)
        if kept != text:
            self.whole = False
        return kept


def as_the_rule_gave(reason: str, given: str) -> str:
    """Return what a rule gave of a reason: for where nobody knows what of it is secret.

    All else may be words of the request, which stand in reasons with quotes and without.

    Args:
        reason: As the verdict has it: the rule's, that behind what it is about, or none of a rule.
        given: The rule's; empty where no rule gave one.
    """
    if given and reason == given:
        return _without_forms(given)
    return f"{MASK}: {_without_forms(given)}" if given and reason.endswith(f": {given}") else MASK


@lru_cache(maxsize=256)
def _without_forms(reason: str) -> str:
    return prepare().masked(reason, [])  # most reasons are the rules' own, and come again and again


@lru_cache(maxsize=1024)
def _names_secret(name: str) -> bool:
    """Say whether a field's name says that its value is secret: `auth_token`, `x-api-key`, `dbPassword`."""
    found = _WORDS.findall(unicodedata.normalize("NFKC", name))
    words = [word for each in found if (word := each.lower().rstrip("0123456789"))]
    return bool(words) and (
        words[-1] in _SECRET_ENDS
        or not _SECRET_WORDS.isdisjoint(words)
        or any(word.endswith(_SECRET_SUFFIXES) for word in words)
        or any(pair in _SECRET_PAIRS for pair in itertools.pairwise(words))
    )


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
