"""What waits for a decision, as those who decide are shown it: a page at a time, long inputs cut. Pure.

A page is bounded by the bytes of the actions on it: they are decoded for it, on the loop, and sent in one message. What
is cut says how much is missing, and is shown whole when it is asked for by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final, cast

from actors.speed_layer.approvals.approval import Approval
from actors.speed_layer.messages import PendingApproval, PendingPage
from actors.speed_layer.shell.reading.prepared_text import MAX_BYTES as MAX_LINE

PAGE_BYTES: Final = 256 * 1024
"""How many bytes the actions on a page have, as one of the longest: it takes 0.4 ms, or 22 ms if made of `{"a":1}`."""

MAX_WHOLE: Final = MAX_LINE
"""How many characters of an input are shown as they are: the longest line that the policy reads, so that nothing in a
longer one has decided but its length."""

MAX_TEXT: Final = 2048
"""A text for which there is no room is cut to so many, in the middle, so that both its ends are seen."""

FIRST: Final = frozenset({"command", "file_path", "notebook_path", "path", "pattern", "url"})
"""The fields by which rules decide: they are given the room before the others."""

CONTENT: Final = frozenset({"content", "old_string", "new_string", "new_source"})
"""The fields in which files are written, by which no rule decides: they are cut even where there is room."""

MAX_VALUES: Final = 256
"""How many values of one input are shown."""

SHORT: Final = 256
"""A text of so many characters is shown in any case."""

KEPT_ITEMS: Final = 64
"""How many items or fields of one list or object are shown."""


def page_of(
    pending: Iterable[Approval], waiting: Callable[[str], int], *, after: int = 0, limit: int = 100
) -> PendingPage:
    """Return a page of what waits.

    Args:
        pending: All that waits, the oldest first.
        waiting: Tells how many requests wait for an approval, by its id.
        after: The number of the last approval of the page before.
        limit: How many approvals a page has at most.
    """
    shown: list[PendingApproval] = []
    left = PAGE_BYTES
    for approval in pending:
        if approval.number <= after:
            continue
        if len(shown) >= limit or (shown and approval.size > left):
            return PendingPage(shown, after, True)
        left -= approval.size
        after = approval.number
        shown.append(_shown(approval, waiting, cut=True))
    return PendingPage(shown, after)


def whole(approval: Approval | None, waiting: Callable[[str], int]) -> PendingPage:
    """Return one approval with all of its input; an empty page where there is none."""
    return PendingPage([] if approval is None else [_shown(approval, waiting, cut=False)])


def _shown(approval: Approval, waiting: Callable[[str], int], *, cut: bool) -> PendingApproval:
    requested = approval.requested
    cwd, arguments, scripts = requested.asked
    shown = _Shown() if cut else None
    return PendingApproval(
        id=requested.id,
        tool=requested.tool,
        input=arguments if shown is None else shown.fields(arguments),
        cwd=cwd,
        agent=requested.agent,
        role=requested.role,
        reason=requested.reason,
        waiting=waiting(requested.id),
        since_ns=requested.since_ns,
        expires_ns=requested.expires_ns,
        rule=requested.rule,
        scripts=scripts,
        whole=shown is None or shown.whole,
        labels=requested.labels,
    )


class _Shown:
    """An input as a list shows it.

    Attributes:
        whole: Whether nothing of it is missing.
    """

    def __init__(self) -> None:
        self.whole = True
        self._room = MAX_WHOLE
        self._left = MAX_VALUES

    def fields(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of an object, those first by which rules decide."""
        names = sorted(given, key=lambda name: (name not in FIRST, name in CONTENT))
        kept = {
            self._cut(name, SHORT): self._value(given[name], MAX_TEXT if name in CONTENT else MAX_WHOLE)
            for name in islice(names, KEPT_ITEMS)
        }
        if len(names) > KEPT_ITEMS:
            self.whole = False
            kept["..."] = f"({len(names) - KEPT_ITEMS} more fields)"
        return kept

    def _value(self, given: Any, most: int) -> Any:
        self._left -= 1
        if self._left < 0:
            self.whole = False
            return "... (not shown)"
        if isinstance(given, str):
            if len(given) <= min(most, self._room):
                self._room -= len(given)
                return given
            return self._cut(given, SHORT)
        if isinstance(given, dict):
            return self.fields(cast("dict[str, Any]", given))
        if isinstance(given, list):
            return self._items(cast("Any", given))
        return given

    def _items(self, given: list[Any]) -> list[Any]:
        if len(given) <= self._room and all(isinstance(each, str) for each in given):
            size = sum(map(len, given)) + len(given)
            if size <= self._room:  # such as a command as a list of words: all of it may decide
                self._room -= size
                return given
        kept = [self._value(each, MAX_WHOLE) for each in given[:KEPT_ITEMS]]
        if len(given) > KEPT_ITEMS:
            self.whole = False
            kept.append(f"... ({len(given) - KEPT_ITEMS} more items)")
        return kept

    def _cut(self, text: str, most: int) -> str:
        """Return a text whole where it has no more than so many characters, else its ends."""
        if len(text) <= most:
            return text
        self.whole = False
        end = (MAX_TEXT if len(text) > MAX_TEXT else most) // 2
        return f"{text[:end]}... ({len(text) - 2 * end} characters are missing here) ...{text[-end:]}"
