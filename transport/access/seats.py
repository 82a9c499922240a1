"""The seats of a listener: who may have how many of its connections, and who gives one up where all are taken.

A connection takes a seat once it has shown a good token. Nobody is kept out by those who have many.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import trio

from actors.session.messages import Principal
from transport.access.authentication import Rejected
from transport.access.silent_connections import MOST_SILENT
from transport.access.unix_sockets import UnixListener
from transport.logs import Logger

log = Logger(__name__)

MOST_UNAUTHENTICATED: Final = 128
"""How many connections of a listener may be there that have said something and shown no good token yet.

An honest client is among them for as long as its request is read, so this many can arrive at once, and a flood takes
no more.
"""

MOST_SILENT_PEERS: Final = 128
"""How many silent connections a listener keeps of unix sockets: the system says whose they are, and few users may come.

As many as may have spoken and shown no good token yet.
"""

KEPT_DESCRIPTORS: Final = 64
"""How many descriptors the connections leave to the log."""


def room_for(connections: int) -> int:
    """Return how many of so many connections one listener may have: websockets and HTTP share the descriptors."""
    kept = KEPT_DESCRIPTORS + 2 * (MOST_UNAUTHENTICATED + room_for_silent() + room_for_silent_peers())
    return min(connections, max(1, (_descriptors() - kept) // 2))


def room_for_silent() -> int:
    """Return how many connections may be silent on all TCP sockets of a listener.

    Where descriptors are few, it is a sixteenth of them.
    """
    return max(1, min(MOST_SILENT, _descriptors() // 16))


def room_for_silent_peers() -> int:
    """Return how many connections may be silent on all unix sockets of a listener.

    Where descriptors are few, it is a thirty-second of them.
    """
    return max(1, min(MOST_SILENT_PEERS, _descriptors() // 32))


def shares_for_silent(listeners: Sequence[trio.abc.Listener[Any]]) -> list[int]:
    """Return how many connections may be silent on each of a listener's sockets, in their order.

    Unix sockets take nothing from what is kept for the network: whoever is there may be anybody.

    Args:
        listeners: All sockets of one listener.
    """
    local = sum(isinstance(each, UnixListener) for each in listeners)
    of_peers = max(1, room_for_silent_peers() // max(1, local))
    of_others = max(1, room_for_silent() // max(1, len(listeners) - local))
    return [of_peers if isinstance(each, UnixListener) else of_others for each in listeners]


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
