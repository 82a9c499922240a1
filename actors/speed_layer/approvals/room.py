"""How many approvals may be pending, with how many bytes: of an agent, of a role, in all. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

MAX_PENDING: Final = 4096
"""How many approvals may be pending, more than people look at; what comes on top stays `ask`, and says why."""

MAX_PENDING_OF_A_ROLE: Final = 2048
"""How many of them one role may have opened: half, so that none takes all there are."""

MAX_PENDING_OF_AN_AGENT: Final = 128
"""How many of them one agent may have opened, so that it takes sixteen agents to fill up what a role has."""

MAX_ACTION_BYTES: Final = 256 * 1024
"""The longest canonical action, in bytes, that an approval is opened for: nobody reads more before deciding."""


MAX_BYTES: Final = 32 * 1024 * 1024
"""How many bytes of canonical actions may be pending: all are kept in memory, and read through by whoever decides."""

MAX_BYTES_OF_A_ROLE: Final = 16 * 1024 * 1024
"""How many of them one role may have opened: half, as of their number."""

MAX_BYTES_OF_AN_AGENT: Final = 1024 * 1024
"""How many of them one agent may have opened: four of the longest actions, or 128 of 8 KiB."""


class _Bounds(NamedTuple):
    """Who opens approvals, and what they may have open: how many, and how many bytes of actions."""

    who: str
    most: int
    most_bytes: int


class Room:
    """What is pending, counted for agents, for roles and in all."""

    def __init__(self) -> None:
        self._opened: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()

    def lacks(self, agent: str, role: str, size: int) -> str:
        """Say why there is no room for one more approval of so many bytes; an empty text where there is."""
        if size > MAX_ACTION_BYTES:
            return f"it is too large for an approval ({size} bytes, {MAX_ACTION_BYTES} at the most)"
        bounds = (
            _Bounds(repr(agent), MAX_PENDING_OF_AN_AGENT, MAX_BYTES_OF_AN_AGENT),
            _Bounds(f"the role {role!r}", MAX_PENDING_OF_A_ROLE, MAX_BYTES_OF_A_ROLE),
            _Bounds("the hall", MAX_PENDING, MAX_BYTES),
        )
        for key, bound in zip(_keys(agent, role), bounds, strict=True):
            if self._opened[key] >= bound.most:
                return f"{bound.who} has {bound.most} approvals open already"
            if self._bytes[key] + size > bound.most_bytes:
                return f"the open approvals of {bound.who} would have more than {bound.most_bytes} bytes"
        return ""

    def take(self, agent: str, role: str, size: int) -> None:
        """Count an approval that was opened."""
        for key in _keys(agent, role):
            self._opened[key] += 1
            self._bytes[key] += size

    def give_back(self, agent: str, role: str, size: int) -> None:
        """Count one less: what was opened has ended."""
        for key in _keys(agent, role):
            self._opened[key] -= 1
            self._bytes[key] -= size
            if not self._opened[key]:
                del self._opened[key], self._bytes[key]


def _keys(agent: str, role: str) -> tuple[tuple[str, str], ...]:
    return ("agent", agent), ("role", role), ("all", "")
