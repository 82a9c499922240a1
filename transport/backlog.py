"""What waits to be written to all connections of one principal: many connections are no way around the bound."""

from __future__ import annotations

from typing import Final
from weakref import WeakValueDictionary

from actors.session.messages import Principal

MOST_BYTES: Final = 256 << 20
"""How many bytes may wait for one principal's connections together."""


class Backlog:
    """The sum of one principal's queues.

    Attributes:
        bytes: How many wait; kept by the queues.
    """

    def __init__(self) -> None:
        self.bytes = 0


class Backlogs:
    """The backlogs of all principals; one lasts for as long as a connection has it. Nothing here checkpoints."""

    def __init__(self) -> None:
        self._backlogs: WeakValueDictionary[Principal, Backlog] = WeakValueDictionary()

    def of(self, principal: Principal) -> Backlog:
        """Return a principal's backlog, the same for all its connections."""
        backlog = self._backlogs.get(principal)
        if backlog is None:
            backlog = self._backlogs[principal] = Backlog()
        return backlog
