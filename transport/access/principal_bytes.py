"""What all connections of one principal keep in memory together: many connections are no way around a bound.

One sum is of what waits to be written, another of messages that were begun and not finished.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakValueDictionary

from actors.session.messages import Principal

MOST_BYTES: Final = 256 << 20
"""How many bytes may wait to be written to one principal's connections together."""


class Backlog:
    """The sum of one principal's connections.

    Attributes:
        bytes: How many there are; kept by the connections.
    """

    def __init__(self) -> None:
        self.bytes = 0


class Backlogs:
    """The sums of all principals; one lasts for as long as a connection has it. Nothing here checkpoints."""

    def __init__(self) -> None:
        self._backlogs: WeakValueDictionary[Principal, Backlog] = WeakValueDictionary()

    def of(self, principal: Principal) -> Backlog:
        """Return a principal's sum, the same for all its connections."""
        backlog = self._backlogs.get(principal)
        if backlog is None:
            backlog = self._backlogs[principal] = Backlog()
        return backlog
