"""Projections: what the events add up to, kept up to date, and readable as it was at any sequence.

A projection is a pure function from a state and an event to a state. It can always be built again from the log;
snapshots only make that shorter.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from store.errors import EventsGone, Invalid
from store.following.snapshot import Snapshot, Snapshots, digest
from store.interface import Log
from store.model.event import Event
from store.model.query import MAX_LIMIT, Query

S = TypeVar("S")

_encode = msgspec.msgpack.Encoder().encode


class Projection(Generic[S]):
    """How events become a state.

    Args:
        name: what it is called; snapshots are kept under this name.
        start: makes the state before the first event.
        apply: returns the state after an event; it may change the state that it is given and return that.
        state: the state's type: built-ins, dataclasses, msgspec structs, whatever msgspec encodes.
        version: to be counted up when `apply` or the state's type changes its meaning: older snapshots no longer count.
        query: which events matter, by its filters; the others are never read.

    Example:
        def count(counts: dict[str, int], event: Event) -> dict[str, int]:
            return counts | {event.type: counts.get(event.type, 0) + 1}

        view = View(log, Projection("types", dict, count, dict[str, int]), Snapshots(data / "snapshots"))
        view.catch_up()
        view.state, view.at(100)
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], S],
        apply: Callable[[S, Event], S],
        state: Any,
        *,
        version: int = 1,
        query: Query | None = None,
    ) -> None:
        self.name = name
        self.start = start
        self.apply = apply
        self.state = state
        self.version = version
        self.query = query or Query()


class View(Generic[S]):
    """A projection of a log, as far as it was read. Nothing checkpoints.

    It begins with the newest snapshot that fits the log, else with the first event.

    Attributes:
        state: what the events up to `sequence` add up to; to be looked at, not changed.
        sequence: the last event that was considered.

    Args:
        log: the log.
        projection: what to make of it.
        snapshots: where snapshots are kept; None means nowhere.

    Raises:
        EventsGone: its first events were retired, and no snapshot covers them.
    """

    def __init__(self, log: Log, projection: Projection[S], snapshots: Snapshots | None = None) -> None:
        self._log = log
        self._projection = projection
        self._snapshots = snapshots
        self.state, self.sequence = self._begin(log.head)

    def catch_up(self, max_events: int | None = None) -> int:
        """Take in what was committed since, at most `max_events` of the events that matter; return how many it took.

        Raises:
            EventsGone: events were retired that were not taken in yet.
            LogDamaged: an event's bytes changed since the log was opened.
        """
        self.state, self.sequence, taken = self._advance(self.state, self.sequence, self._log.head, max_events)
        return taken

    def at(self, sequence: int) -> S:
        """Return the state as it was right after an event; this view stays where it is.

        Raises:
            Invalid: the log is not that far yet.
            EventsGone: events before that one were retired, and no snapshot covers them.
            LogDamaged: an event's bytes changed since the log was opened.
        """
        if not 0 <= sequence <= self._log.head:
            raise Invalid(f"there is no event {sequence} yet: the log is at {self._log.head}")
        return self._advance(*self._begin(sequence), sequence, None)[0]

    def save(self) -> None:
        """Keep the state as a snapshot, for the next view of this projection.

        Raises:
            Invalid: there is no place for snapshots, or the state cannot be encoded.
            DiskFull, SyncFailed: as `Snapshots.save` raises them.
        """
        if self._snapshots is None:
            raise Invalid(f"the view of {self._projection.name!r} has no place for snapshots: give it one")
        event = _event_at(self._log, self.sequence)
        if event is None:
            return  # nothing was read yet, or what was read has gone meanwhile: the snapshot could not be told apart
        try:
            state = _encode(self.state)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise Invalid(f"the state of {self._projection.name!r} cannot be encoded: {error}") from error
        self._snapshots.save(
            Snapshot(
                name=self._projection.name,
                version=self._projection.version,
                sequence=self.sequence,
                event_digest=digest(event),
                state=state,
            )
        )

    def _begin(self, limit: int) -> tuple[S, int]:
        """Return the state to go on from, and the sequence it is at, which is not beyond `limit`."""
        first = self._log.first_sequence
        for snapshot in self._snapshots.newest_first(self._projection.name) if self._snapshots else ():
            if snapshot.version != self._projection.version or not first - 1 <= snapshot.sequence <= limit:
                continue
            event = _event_at(self._log, snapshot.sequence)
            if event is not None and digest(event) != snapshot.event_digest:
                continue
            try:
                return msgspec.msgpack.decode(snapshot.state, type=self._projection.state), snapshot.sequence
            except msgspec.DecodeError:
                continue
        self._refuse_if_gone(0)
        return self._projection.start(), 0

    def _refuse_if_gone(self, sequence: int) -> None:
        """Refuse to go on behind an event if the next one has gone."""
        if (first := self._log.first_sequence) > sequence + 1:
            raise EventsGone(
                f"the log begins with event {first}, and no snapshot of {self._projection.name!r} covers what was "
                "before: restore the archived segments, or begin a projection that does without them",
                first,
            )

    def _advance(self, state: S, sequence: int, limit: int, max_events: int | None) -> tuple[S, int, int]:
        taken = 0
        if sequence < limit:
            self._refuse_if_gone(sequence)
        while sequence < limit and (max_events is None or taken < max_events):
            size = MAX_LIMIT if max_events is None else min(MAX_LIMIT, max_events - taken)
            query = msgspec.structs.replace(
                self._projection.query, after=sequence, before=limit + 1, order="asc", limit=size
            )
            page = self._log.query(query)
            for event in page.events:
                state = self._projection.apply(state, event)
            taken += len(page.events)
            sequence = page.next
        return state, sequence, taken


def _event_at(log: Log, sequence: int) -> Event | None:
    """Return an event, None if the log has it no longer, or if it is number 0."""
    found = log.query(after=sequence - 1, before=sequence + 1, limit=1).events if sequence else []
    return found[0] if found else None
