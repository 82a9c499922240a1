"""Secrets made unreadable before an input, and the reason of its verdict, enter the audit log. Pure.

A mask that misses a secret keeps it for as long as the log is kept, so what looks like one is masked: by the name it
goes by (`secret_names.py`), by the form that issuers give their keys (`secret_forms.py`), inside addresses, and
wherever else the same input has it (`secret_repetitions.py`). Long texts are cut, because the audit tells what was
asked and is no copy of every file that an agent writes.
"""

from __future__ import annotations

import itertools
from typing import Any, Final, NamedTuple, cast

from actors.speed_layer.audit.form_search import MASK, prepare, without_forms
from actors.speed_layer.audit.secret_names import MAX_NAME, names_secret
from actors.speed_layer.audit.secret_repetitions import LONG, NOTHING_REPEATED, Repetitions

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


class _Cut(NamedTuple):
    """The beginning of a text that is cut, and a stretch behind it.

    Attributes:
        text: It, without what looks like a secret.
        most: How many characters of it are kept.
        length: How many the whole text has.
    """

    text: str
    most: int
    length: int


class Masked:
    """An input without its secrets.

    Args:
        value: The input: plain values.

    Attributes:
        value: What may be kept.
        whole: Whether nothing was masked or cut, so that it can be judged again.
        size: How many characters were looked at, those of the secrets included: what has many holds up the loop.
        shown_elsewhere: Whether a secret of the input stood in a text beside it, where nothing else gives it away.
    """

    def __init__(self, value: dict[str, Any]) -> None:
        self.whole = True
        self.size = 0
        self.shown_elsewhere = False
        self._forms = prepare()
        self._left = MAX_VALUES
        self._kept = 0
        self._cuts = False
        self._secrets: list[str] = []
        self._sure: set[str] = set()
        self._elsewhere: dict[str, str] = {}
        self._reason = ("", "", "")
        masked = self._masked(value)
        self._repetitions = Repetitions(self._secrets, self._sure) if self._secrets else NOTHING_REPEATED
        self.value: dict[str, Any] = self._again(masked) if self._cuts or self._repetitions else masked

    def elsewhere(self, text: str) -> str:
        """Return a text that stands beside the input, such as the directory, without secrets; its own are noted."""
        if text not in self._elsewhere:
            shown, found = without_forms(text)
            if found:
                self._secrets += found
                self._sure.update(found)
                self._repetitions = Repetitions(self._secrets, self._sure)
            if self._repetitions:
                without = self._repetitions.without(shown)
                self.shown_elsewhere = self.shown_elsewhere or without != shown
                shown = without
            self._elsewhere[text] = shown
            self.whole = self.whole and shown == text
        return self._elsewhere[text]

    def reason(self, text: str, given: str = "") -> str:
        """Return the reason of a verdict on this input, without what was masked in the input and what looks like it.

        Args:
            text: The reason.
            given: The reason that the verdict's rule gives.
        """
        if self._reason[:2] != (text, given):
            self._reason = text, given, self._repetitions.reason_without(text, given)
        return self._reason[2]

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
            named = len(items) == 2 and isinstance(items[0], str) and names_secret(items[0][:MAX_NAME])  # noqa: PLR2004 - a name and its value
            return [
                self._masked(each, secret=secret or (named and place == 1), depth=depth + 1)
                for place, each in enumerate(items)
            ]
        if secret and value is not None and not isinstance(value, bool):
            return self._hidden(str(value))
        return value

    def _fields(self, fields: dict[str, Any], *, secret: bool, depth: int) -> dict[str, Any]:
        name = fields.get("name", fields.get("key"))
        named = isinstance(name, str) and names_secret(name[:MAX_NAME])  # as headers and variables are listed
        kept: dict[str, Any] = {}
        for key, value in itertools.islice(fields.items(), MAX_VALUES):
            hide = secret or names_secret(key[:MAX_NAME]) or (named and key == "value")
            before = len(self._secrets)
            kept[self._name(key, kept)] = self._masked(value, secret=hide, depth=depth)
            if hide or key == "command":
                self._sure.update(self._secrets[before:])
        return kept

    def _name(self, key: str, others: dict[str, Any]) -> str:
        self.size += min(len(key), MAX_NAME)
        if len(key) <= SHORT_NAME:
            return key
        shown = self._forms.masked(key[:MAX_NAME], self._secrets)
        if shown != key:
            self.whole = False
        return _unlike(shown, others)

    def _hidden(self, secret: str) -> str:
        self.whole = False
        self._secrets.append(secret[: MAX_TEXT + BEYOND])
        self.size += len(self._secrets[-1])
        return MASK

    def _text(self, text: str) -> str | _Cut:
        most = max(0, min(MAX_TEXT, MAX_TEXT_IN_ALL - self._kept))
        kept = text if len(text) <= most else text[: most + BEYOND if most else 0]
        self.size += len(kept)
        kept = self._forms.masked(kept, self._secrets)
        if len(text) > most:
            self._kept += min(len(kept), most)
            self._cuts, self.whole = True, False
            return _Cut(kept, most, len(text))
        self._kept += len(kept)
        if kept != text:
            self.whole = False
        return kept

    def _again(self, value: Any) -> Any:
        """Return what is kept without what was found to be secret elsewhere in it, and cut texts with their mark."""
        if isinstance(value, _Cut):
            return f"{self._repetitions.without_at_the_end(value.text)[: value.most]}... ({value.length} characters)"
        if isinstance(value, str):
            return self._unrepeated(value)
        if isinstance(value, dict):
            kept: dict[str, Any] = {}
            for name, each in cast("dict[str, Any]", value).items():
                kept[_unlike(self._unrepeated(name), kept)] = self._again(each)
            return kept
        if isinstance(value, list):
            return [self._again(each) for each in cast("Any", value)]
        if value is None or isinstance(value, bool):
            return value
        return value if self._unrepeated(str(value)) == str(value) else MASK

    def _unrepeated(self, text: str) -> str:
        if len(text) < LONG:
            return text
        shown = self._repetitions.without(text)
        self.whole = self.whole and shown == text
        return shown


def _unlike(name: str, others: dict[str, Any]) -> str:
    """Return a name that no other field has."""
    return name if name not in others else f"{name} {len(others)}"
