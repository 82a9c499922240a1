"""What all principals share, and how much of it one may have at once, over all of its connections.

A connection has bounds of its own, but nobody is kept from opening many. So what costs the hall something for as long
as it lasts is counted here by principal, however it came in: requests under way, requests that wait, subscriptions.
Each principal has a bound, and all but admins have one together: what is left of the hall's own bounds is theirs, and
whatever the agents do, an admin gets in.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from actors.desk.admission import Refusal
from actors.session.messages import Principal

BUSY_S: Final = 1.0
"""What whoever has too much under way is told to wait, in seconds; nobody knows when some of it ends."""


class Bounds(NamedTuple):
    """How much there may be of one kind.

    Attributes:
        each: How many one principal may have.
        together: How many all may have together that are no admins.
    """

    each: int
    together: int


REQUESTS: Final = Bounds(1024, 4096)
"""Requests under way: four full connections; together they fill half of any mailbox behind the desk."""

WAITS: Final = Bounds(512, 2048)
"""Requests that wait, which are under way too: half of those, so that a principal that waits can still ask."""

SUBSCRIBED: Final = Bounds(2000, 20_000)
"""Subscriptions: two full connections; with the longest URI of a stream 2,000 take 6 MB."""

LISTENING: Final = Bounds(256, 4096)
"""Streams of `subscriptions/listen`: together as many as there may be websockets."""


class Share:
    """One kind of thing that all principals share. Nothing here checkpoints.

    Args:
        what: What it is, in the plural.
        bounds: How many there may be.
    """

    def __init__(self, what: str, bounds: Bounds) -> None:
        self._what = what
        self._bounds = bounds
        self._held: Counter[Principal] = Counter()
        self._count = 0

    def take(self, principal: Principal) -> None:
        """Count one more.

        Raises:
            Refusal: `rate_limited`: the principal has as many as it may; `unavailable`: all together have.
        """
        held = self._held[principal]
        if held >= self._bounds.each:
            message = f"{held} {self._what} of {principal.agent!r} over all its connections are the most; end some"
            raise Refusal("rate_limited", message, {"retry_after_s": BUSY_S})
        if principal.role != "admin":
            if self._count >= self._bounds.together:
                raise Refusal("unavailable", f"there are {self._count} {self._what} of all agents; try again later")
            self._count += 1
        self._held[principal] = held + 1

    def give_back(self, principal: Principal) -> None:
        """Count one less: what `take` has counted has ended."""
        left = self._held[principal] - 1
        if left:
            self._held[principal] = left
        else:
            del self._held[principal]
        if principal.role != "admin":
            self._count -= 1

    def held(self, principal: Principal) -> Held:
        """Return what counts one for as long as it is entered; entering raises what `take` does."""
        return Held(self, principal)


class Held:
    """One thing of a share, held while entered."""

    __slots__ = ("_principal", "_share")

    def __init__(self, share: Share, principal: Principal) -> None:
        self._share = share
        self._principal = principal

    def __enter__(self) -> None:
        self._share.take(self._principal)

    def __exit__(self, *_why: object) -> None:
        self._share.give_back(self._principal)


class Shares:
    """The shares of one hall.

    Attributes:
        requests: Requests under way.
        waits: Requests that wait for an event or a decision (`wait_s`).
        subscriptions: Resources that connections are told of.
        listening: Streams of `subscriptions/listen`.
    """

    def __init__(self) -> None:
        self.requests = Share("requests under way", REQUESTS)
        self.waits = Share("requests that wait", WAITS)
        self.subscriptions = Share("subscriptions", SUBSCRIBED)
        self.listening = Share("listening streams", LISTENING)
