"""Which event answers a query: pure, shared by every store and by append conditions."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec

from store.model.event import Event
from store.model.query import Query
from store.model.where import conditions, holds

Check: TypeAlias = "Callable[[Event], bool]"
"""Says whether an event is meant."""


def matcher(query: Query) -> Check:
    """Return what says whether an event answers a checked query; `order` and `limit` play no part."""
    checks = [*_checks(query)]
    if len(checks) == 1:
        return checks[0]

    def matches(event: Event) -> bool:
        for check in checks:  # noqa: SIM110 - as a generator it takes twice as long, and this is called a lot
            if not check(event):
                return False
        return True

    return matches


def residue(query: Query) -> Check:
    """Return the same of events that an index found: of their sequence, type and agent it is sure."""
    return matcher(msgspec.structs.replace(query, after=0, before=None, types=(), agents=()))


def _checks(query: Query) -> Iterator[Check]:
    """Yield what is to be looked at for each filter that is given."""
    stream, correlation_id = query.stream, query.correlation_id
    types, agents, hidden = frozenset(query.types), frozenset(query.agents), frozenset(query.hidden)
    tags = frozenset(query.tags)
    yield from _bounds(query)
    if stream is not None:
        yield lambda event: event.stream == stream
    if hidden:
        yield lambda event: event.stream not in hidden
    if types:
        yield lambda event: event.type in types
    if agents:
        yield lambda event: event.agent in agents
    if tags:
        yield lambda event: tags.issubset(event.tags)
    if correlation_id is not None:
        yield lambda event: event.correlation_id == correlation_id
    if wanted := conditions(query.where):
        yield lambda event: all(holds(condition, event.data) for condition in wanted)


def _bounds(query: Query) -> Iterator[Check]:
    """Yield the same for sequences, revisions and times."""
    if after := query.after:
        yield lambda event: event.sequence > after
    if (before := query.before) is not None:
        yield lambda event: event.sequence < before
    if (above := query.after_revision) is not None:
        yield lambda event: event.revision > above
    if (below := query.before_revision) is not None:
        yield lambda event: event.revision < below
    if (since := query.since_ns) is not None:
        yield lambda event: event.time_ns >= since
    if (until := query.until_ns) is not None:
        yield lambda event: event.time_ns < until
