"""What can be asked of the log, and what comes back: pure, shared by every store and by append conditions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from store.errors import Invalid
from store.model.event import Event
from store.model.times import as_time_ns
from store.model.where import check_size, conditions

MAX_LIMIT = 1000


class Query(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A question; every filter given must hold.

    Attributes:
        stream: events of this stream.
        types: events of one of these types; empty means any.
        agents: events of one of these agents; empty means any.
        correlation_id: events with this correlation id.
        tags: events that have all of these tags.
        after: events with a greater sequence.
        before: events with a smaller sequence.
        since_ns: events at this time or later, nanoseconds since 1970 UTC.
        until_ns: events before this time.
        where: payload fields and the values they must equal, or operators on them such as `{"$gt": 3, "$lte": 9}` and
            `{"$in": [1, 2]}` (`filters`); a key is a field's name or a dotted path into dicts. A missing field equals
            nothing, and True is not 1.
        order: `asc` (oldest first) or `desc`.
        limit: at most so many events, 1..1000.
        hidden: events of these streams do not match, whatever else they are.
        after_revision: events of `stream`, which must be given, with a greater revision.
        before_revision: events of `stream` with a smaller revision.
    """

    stream: str | None = None
    types: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    correlation_id: str | None = None
    after: int = 0
    before: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    where: dict[str, Any] | None = None
    order: Literal["asc", "desc"] = "asc"
    limit: int = 100
    hidden: tuple[str, ...] = ()
    after_revision: int | None = None
    before_revision: int | None = None
    tags: tuple[str, ...] = ()


class Page(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A part of the answer.

    Attributes:
        events: the events, in the query's order.
        next: what to pass as `after` (ascending) or as `before` (descending) to go on; also when `has_more` is false:
            ascending, it then skips what was searched, so that following the log never searches twice.
        has_more: whether there may be more events now.
        bytes: what the events take as records.
        unfinished: whether the search stopped because it had looked at so much, and the page could still grow.
        looked: how many bytes of records were looked at since the search began, or went on.
    """

    events: list[Event]
    next: int
    has_more: bool
    bytes: int = 0
    unfinished: bool = False
    looked: int = 0

    def __iter__(self) -> Iterator[Event]:
        """Go through the events."""
        return iter(self.events)


class Filling:
    """A page that is being filled, from nothing or from where a search had stopped.

    Args:
        query: what is asked.
        page_bytes: the page is full before its records would take more, unless it is a single one.
        onto: the page so far.
    """

    def __init__(self, query: Query, page_bytes: int, onto: Page | None) -> None:
        self._events = list(onto.events) if onto else []
        self._bytes = onto.bytes if onto else 0
        self._limit = query.limit
        self._page_bytes = page_bytes

    def take(self, event: Event, size: int) -> bool:
        """Add the next match, whose record has this size; say no if the page is full without it."""
        total = self._bytes + size
        if self._events and (total > self._page_bytes or len(self._events) == self._limit):
            return False
        self._events.append(event)
        self._bytes = total
        return True

    def take_some(self, events: Sequence[Event], sizes: Sequence[int]) -> int:
        """Add the next matches, as `take` does; return how many found room."""
        room = self._limit - len(self._events)
        if len(events) > room:
            events, sizes = events[:room], sizes[:room]
        total = self._bytes + sum(sizes)
        if total <= self._page_bytes:
            self._events += events
            self._bytes = total
            return len(events)
        taken = 0
        while taken < len(events) and self.take(events[taken], sizes[taken]):
            taken += 1
        return taken

    def full(self, looked: int) -> Page:
        """Return the page: there is no room for the next match."""
        at = self._events[-1].sequence
        return Page(events=self._events, next=at, has_more=True, bytes=self._bytes, looked=looked)

    def stopped(self, at: int, looked: int) -> Page:
        """Return the page as it is when everything up to a sequence was looked at."""
        unfinished = len(self._events) < self._limit
        return Page(
            events=self._events, next=at, has_more=True, bytes=self._bytes, unfinished=unfinished, looked=looked
        )

    def last(self, end: int, looked: int) -> Page:
        """Return the page: there are no more matches."""
        return Page(events=self._events, next=end, has_more=False, bytes=self._bytes, looked=looked)


def onwards(query: Query, page: Page | None) -> Query:
    """Return what of a query is left to be searched behind an unfinished page."""
    if page is None:
        return query
    return msgspec.structs.replace(query, **{"before" if query.order == "desc" else "after": page.next})


_DEFAULTS = msgspec.structs.asdict(Query())
_SEVERAL = ("types", "agents", "tags")
_TIMES = frozenset(("since", "until"))


def as_query(query: Query | None, fields: Mapping[str, Any]) -> Query:
    """Return a checked query, given whole, by its fields, or as one with some fields replaced.

    A single type or agent need be in no list, and `since` and `until` take what `as_time_ns` does.

    Raises:
        Invalid: a field is unknown, has the wrong type or is out of range.
    """
    if query is not None and type(query) is not Query:
        raise Invalid(f"the query is {type(query).__name__}: give a Query, or its fields by name")
    given = {**(_DEFAULTS if query is None else msgspec.structs.asdict(query)), **fields}
    for name in _TIMES & fields.keys():
        given[f"{name}_ns"] = as_time_ns(given.pop(name), name)
    if unknown := given.keys() - _DEFAULTS.keys():
        raise Invalid(f"a query has no {', '.join(sorted(unknown))}: its fields are {', '.join(_DEFAULTS)}")
    for name in _SEVERAL:
        if type(given[name]) is str:
            given[name] = (given[name],)
    try:
        checked = msgspec.convert([*given.values()], Query)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Invalid(f"the query is not understood: {_named(str(error))}") from error
    _refuse_senseless(checked)
    return checked


def _refuse_senseless(checked: Query) -> None:
    if not 1 <= checked.limit <= MAX_LIMIT:
        raise Invalid(f"limit is {checked.limit}: ask for 1..{MAX_LIMIT} events and page with `next`")
    if checked.after < 0:
        raise Invalid(f"after is {checked.after}: a sequence is 0 or more")
    if checked.stream is None and (checked.after_revision, checked.before_revision) != (None, None):
        raise Invalid("after_revision and before_revision count the events of a stream: say which with `stream`")
    if checked.after_revision is not None and checked.after_revision < 0:
        raise Invalid(f"after_revision is {checked.after_revision}: a revision is 0 or more")
    if checked.where:
        check_size(checked.where)
        conditions(checked.where)


def _named(complaint: str) -> str:
    """Name the field that a complaint is about, instead of its place."""
    return re.sub(r"`\$\[(\d+)\]", lambda place: f"`{Query.__struct_fields__[int(place[1])]}", complaint)
