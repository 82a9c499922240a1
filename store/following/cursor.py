"""Following the log: one path from the first event to the latest, without a queue and without a hand-over.

A cursor reads on from where it is. When it has caught up with the watermark there is nothing to do but to wait until
that has moved, which is the caller's business (an actor awaits it, a script polls), and to read on. Slow readers cost
nothing: nothing is kept for them but a number.
"""

from store.interface import Log
from store.model.event import Event
from store.model.query import Query, as_query

SLICE = 256
"""How many events one call gives at the most."""

SCAN = 4096
"""How many candidates one call looks at, about: a few milliseconds."""


class Cursor:
    """A place in a log from which a query is followed, oldest first. Nothing checkpoints.

    Args:
        log: what to follow.
        query: which events; None means all. Its `order`, `before` and `limit` play no part.
        after: the sequence after which to begin, if it is greater than the query's own `after`.

    Raises:
        Invalid: the query is not understood.
    """

    def __init__(self, log: Log, query: Query | None = None, *, after: int = 0) -> None:
        begin = max(after, query.after if query else 0)
        self._log = log
        self._query = as_query(query, {"order": "asc", "before": None, "limit": SLICE, "after": begin})
        self._position = begin

    @property
    def position(self) -> int:
        """The sequence up to which everything was delivered or does not match."""
        return self._position

    @property
    def caught_up(self) -> bool:
        """Whether there is nothing to read before the watermark moves."""
        return self._position >= self._log.head

    def read(self, limit: int = SLICE, max_scan: int = SCAN) -> list[Event]:
        """Return the next events and move on; none if this slice holds none, so look at `caught_up`.

        Args:
            limit: how many events at the most, 1..1000.
            max_scan: look at about so many candidates at the most.

        Raises:
            Invalid: the limit is out of range.
            LogDamaged: an event is unreadable; the cursor stays where it is.
            SyncFailed: the log does no more work.
        """
        page = self._log.query(self._query, after=self._position, limit=limit, max_scan=max_scan)
        self._position = page.next
        return page.events
