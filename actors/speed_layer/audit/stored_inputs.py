"""Inputs that the log has already: what is asked again is stored once, and later events say where.

An event of a verdict holds the input, or `input_at`: the sequence of the event that does, or, where that one is in the
same append and has no number yet, how far before this one it is, as a negative number. A reference never reaches back
further than `WINDOW`, so little of what is kept is without its input when the oldest events leave the log, and what is
remembered here stays small. Nothing of it outlives the process: after a restart an input is stored again. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from store import NewEvent

WINDOW: Final = 10_000
"""How many events back an input may be: a sixth of a segment of such events. With 200 bytes each, 2 MB are held."""


PLACES: Final = "\0places"
"""Among a request's reasons, where its tool, directory or scripts show secrets of its input: no reason has a NUL."""


class Stored(NamedTuple):
    """Where an input is.

    Attributes:
        at: The sequence of its event.
        whole: Whether it can be judged again.
        reasons: Reasons of verdicts on it, and what is left of each without secrets: few, since rules give them.
    """

    at: int
    whole: bool
    reasons: dict[str, str]


class StoredInputs:
    """Where the inputs of the last requests are, by the requests' hashes. Belongs to the loop's thread.

    Args:
        head: Tells the last sequence of the log.
    """

    def __init__(self, head: Callable[[], int]) -> None:
        self._head = head
        self._stored: dict[str, Stored] = {}  # the first one is the oldest

    def __len__(self) -> int:
        return len(self._stored)

    def find(self, request: str) -> Stored | None:
        """Return where a request's input is; None if it has to be stored."""
        known = self._stored.get(request)
        return known if known is not None and known.at > self._head() - WINDOW else None

    def note(self, events: Sequence[NewEvent], first: int, reasons: Mapping[str, dict[str, str]]) -> None:
        """Note events that are in the log now.

        Args:
            events: What was appended.
            first: The sequence of the first one.
            reasons: What became of the reasons of each request.
        """
        for sequence, event in enumerate(events, first):
            if event.data.get("input") is not None:
                request: str = event.data["request"]
                self._stored.pop(request, None)
                self._stored[request] = Stored(sequence, event.data["whole"], reasons.get(request, {}))
        while (oldest := next(iter(self._stored), None)) is not None and self.find(oldest) is None:
            del self._stored[oldest]
