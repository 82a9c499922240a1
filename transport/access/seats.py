"""The seats of a listener: who may have how many of its connections, and who gives one up where all are taken.

A connection takes a seat once it has shown a good token. Nobody is kept out by those who have many.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from typing import Final

from actors.session.messages import Principal
from transport.access.authentication import Rejected
from transport.access.silent_connections import MOST_SILENT
from transport.logs import Logger

log = Logger(__name__)

MOST_UNAUTHENTICATED: Final = 128
"""How many connections of a listener may be there that have said something and shown no good token yet.

An honest client is among them for as long as its request is read, so this many can arrive at once, and a flood takes
no more.
"""

KEPT_DESCRIPTORS: Final = 64
"""How many descriptors the connections leave to the log."""


def room_for(connections: int) -> int:
    """Return how many of so many connections one listener may have: websockets and HTTP share the descriptors."""
    kept = KEPT_DESCRIPTORS + 2 * (MOST_UNAUTHENTICATED + room_for_silent())
    return min(connections, max(1, (_descriptors() - kept) // 2))


def room_for_silent() -> int:
    """Return how many connections of a listener may be silent: where descriptors are few, a sixteenth of them."""
    return max(1, min(MOST_SILENT, _descriptors() // 16))


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class Seats:
    """Who has which seats of one listener. Nothing here checkpoints.

    Args:
        most: How many there are.
        listener: Whose, for the log.
    """

    def __init__(self, most: int, listener: str) -> None:
        self._most = most
        self._listener = listener
        self._holders: dict[int, Principal] = {}
        self._leave: dict[Principal, dict[int, Callable[[], None]]] = {}

    def take(self, connection: int, principal: Principal, leave: Callable[[], None]) -> None:
        """Take a seat; where there is none, the principal with the most gives its latest to one with fewer.

        Args:
            connection: Its number.
            principal: Whose it is.
            leave: Ends the connection; called at most once, after its seat was given on.

        Raises:
            Rejected: 503; nobody has so many more.
        """
        if len(self._holders) >= self._most:
            self._make_room(principal)
        self._holders[connection] = principal
        self._leave.setdefault(principal, {})[connection] = leave

    def give_back(self, connection: int) -> None:
        """Note that a connection has ended, whether it had a seat or not."""
        principal = self._holders.pop(connection, None)
        if principal is not None:
            self._forget(connection, principal)

    def _make_room(self, principal: Principal) -> None:
        log.warning("seats.full", listener=self._listener, connections=self._most)
        greediest = max(self._leave, key=lambda each: len(self._leave[each]))
        if len(self._leave[greediest]) <= len(self._leave.get(principal, ())) + 1:
            raise Rejected(503, "there are too many connections; try again later")
        latest = next(reversed(self._leave[greediest]))
        del self._holders[latest]
        self._forget(latest, greediest)()

    def _forget(self, connection: int, principal: Principal) -> Callable[[], None]:
        leave = self._leave[principal].pop(connection)
        if not self._leave[principal]:
            del self._leave[principal]
        return leave
