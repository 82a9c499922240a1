"""Which event answers a query: pure, shared by every store and by append conditions."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from store.model.event import Event
from store.model.query import Query
from store.model.where import conditions, holds

Check: TypeAlias = Callable[[Event], bool]
"""Says whether an event is meant."""


def matcher(query: Query) -> Check:
    """Return what says whether an event answers a checked query; `order` and `limit` play no part."""
    return _all_of([*_checks(query)])


def residue(query: Query) -> Check | None:
    """Return the same of events that an index found: of their sequence, type and agent it is sure. None: of all."""
    if checks := [*_left(query)]:
        return _all_of(checks)
    return None


def _all_of(checks: Sequence[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]

    def matches(event: Event) -> bool:
        for check in checks:  # noqa: SIM110 - as a generator it takes twice as long, and this is called a lot
            if not check(event):
                return False
        return True

    return matches


def _checks(query: Query) -> Iterator[Check]:
    """Yield what is to be looked at for each filter that is given."""
    types, agents = frozenset(query.types), frozenset(query.agents)
    if after := query.after:
        yield lambda event: event.sequence > after
    if (before := query.before) is not None:
        yield lambda event: event.sequence < before
    if types:
        yield lambda event: event.type in types
    if agents:
        yield lambda event: event.agent in agents
    yield from _left(query)


def _left(query: Query) -> Iterator[Check]:
    """Yield the same without what an index is sure of."""
    stream, correlation_id = query.stream, query.correlation_id
    yield from _bounds(query)
    if stream is not None:
        yield lambda event: event.stream == stream
    if query.hidden:
        hidden = frozenset(query.hidden)
        yield lambda event: event.stream not in hidden
    if query.tags:
        tags = frozenset(query.tags)
        yield lambda event: tags.issubset(event.tags)
    if correlation_id is not None:
        yield lambda event: event.correlation_id == correlation_id
    if query.where and (wanted := conditions(query.where)):
        yield lambda event: all(holds(condition, event.data) for condition in wanted)


def _bounds(query: Query) -> Iterator[Check]:
    """Yield the same for revisions and times."""
    if (above := query.after_revision) is not None:
        yield lambda event: event.revision > above
    if (below := query.before_revision) is not None:
        yield lambda event: event.revision < below
    if (since := query.since_ns) is not None:
        yield lambda event: event.time_ns >= since
    if (until := query.until_ns) is not None:
        yield lambda event: event.time_ns < until
