"""Append conditions: whether an event that matches is in the log, or staged before."""

from collections.abc import Callable, Iterable

from store.errors import ConditionFailed, EventsGone
from store.format.staged_frame import StagedFrame
from store.model.append import FailIf, queries_of
from store.model.matching import matcher
from store.model.query import Page, Query, as_query
from store.streams.name_numbers import Numbers
from store.streams.stream_table import StreamTable


def check_condition(
    fail_if: FailIf,
    cleared: int,
    *,
    head: int,
    retired: int,
    search: Callable[[Query], Page],
    staged: Iterable[StagedFrame],
    table: StreamTable,
) -> None:
    """Refuse if an event matches.

    Args:
        fail_if: the condition.
        cleared: up to which sequence it is known already that none does.
        head: the last committed sequence.
        retired: the last sequence that left the log.
        search: answers a query from what is committed.
        staged: what is not committed yet, in order.
        table: knows the ids of names.

    Raises:
        ConditionFailed: one does.
        EventsGone: none does, but the condition is also about events that left the log: nobody knows of these.
        Invalid: the query is not understood.
    """
    asked = queries_of(fail_if)
    queries = [as_query(each, {"after": max(each.after, cleared), "limit": 1, "order": "asc"}) for each in asked]
    found = [event for query in queries if query.after < head for event in search(query).events]
    if not found:
        looks = [(_narrowing(query, table), matcher(query)) for query in queries]
        found = [
            event
            for frame in staged
            for may_hold, matches in looks
            if may_hold(frame)
            for event in frame.events()
            if matches(event)
        ]
    if found:
        raise ConditionFailed(min(event.sequence for event in found))
    if (after := min(each.after for each in asked)) < retired:
        raise EventsGone.behind(after, retired + 1)


def _narrowing(query: Query, table: StreamTable) -> Callable[[StagedFrame], bool]:
    """Return what says whether a frame may hold a match, without decoding it."""
    streams = _known(table.streams, [query.stream] if query.stream is not None else [])
    types, agents = _known(table.types, query.types), _known(table.agents, query.agents)

    def may_hold(frame: StagedFrame) -> bool:
        return (
            (streams is None or not streams.isdisjoint(frame.streams))
            and (types is None or not types.isdisjoint(frame.types))
            and (agents is None or frame.agent in agents)
        )

    return may_hold


def _known(numbers: Numbers, names: Iterable[str]) -> frozenset[int] | None:
    """Return the ids that a filter allows; None if it allows any."""
    asked = list(names)
    return frozenset(number for name in asked if (number := numbers.known(name)) is not None) if asked else None
