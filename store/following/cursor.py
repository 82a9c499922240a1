"""Following the log: one path from the first event to the latest, without a queue and without a hand-over.

A cursor reads on from where it is. When it has caught up with the watermark there is nothing to do but to wait until
that has moved, which is the caller's business (an actor awaits it, a script polls), and to read on. Slow readers cost
nothing: nothing is kept for them but a number.
"""

from store.errors import EpochChanged, EventsGone
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
        after: the sequence after which to begin, if it is greater than the query's own `after`; None, and a query
            without one, begins with the first event that is left.
        epoch: the `epoch` of the cursor that had come that far, if that was kept with the position.
        skip_gone: where events left the log before they were read, go on with the first one that is left.

    Raises:
        Invalid: the query is not understood.
    """

    def __init__(
        self,
        log: Log,
        query: Query | None = None,
        *,
        after: int | None = None,
        epoch: str | None = None,
        skip_gone: bool = False,
    ) -> None:
        asked = query.after if query else 0
        begin = max(after, asked) if after is not None else asked or log.first_sequence - 1
        self._log = log
        self._query = as_query(query, {"order": "asc", "before": None, "limit": SLICE, "after": begin})
        self._position = begin
        self._epoch = log.epoch if epoch is None else epoch
        self._skip_gone = skip_gone

    @property
    def position(self) -> int:
        """The sequence up to which everything was delivered or does not match."""
        return self._position

    @property
    def epoch(self) -> str:
        """The epoch of the log that the position is of: keep it with the position."""
        return self._epoch

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
            EventsGone: events left the log before they were read; the cursor stays where it is.
            EpochChanged: the log is not the one that was read up to here; the cursor stays where it is.
            LogDamaged: an event is unreadable; the cursor stays where it is.
            SyncFailed: the log does no more work.
        """
        if self._epoch != (now := self._log.epoch):
            if self._position:
                raise EpochChanged(self._epoch, now)
            self._epoch = now
        if (first := self._log.first_sequence) > self._position + 1:
            if not self._skip_gone:
                raise EventsGone.behind(self._position, first)
            self._position = first - 1
        page = self._log.query(self._query, after=self._position, limit=limit, max_scan=max_scan)
        self._position = page.next
        return page.events
