"""What ends the rule of a log that comes from elsewhere: whoever could write it must not have ruled by it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol, TypeVar

from store import NewEvent

ADOPTED: Final = "moothall.log.adopted"
RULING_STREAMS: Final = ("moothall/policy", "moothall/approvals", "moothall/breakers")
"""Whose events are read at every start: they say what is allowed, and what is out of order."""


class Typed(Protocol):
    """An event, as far as it is looked at here."""

    @property
    def type(self) -> str:
        """What happened."""
        ...


T = TypeVar("T", bound=Typed)


def adopted_events(source: str) -> list[NewEvent]:
    """Return the events behind which nothing rules that came before.

    Args:
        source: Where the log came from.
    """
    data: dict[str, Any] = {"from": source}
    return [NewEvent(type=ADOPTED, data=data, stream=stream) for stream in RULING_STREAMS]


def since_adoption(events: Iterable[T]) -> list[T]:
    """Return the events of a ruling stream that rule: those behind the last adoption."""
    ruling: list[T] = []
    for event in events:
        if event.type == ADOPTED:
            ruling.clear()
        else:
            ruling.append(event)
    return ruling
