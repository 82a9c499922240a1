"""What callers give, in the forms that come to mind, as the log takes it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from store.errors import Invalid
from store.model.append import FailIf
from store.model.event import NewEvent
from store.model.query import Query

EventGiven = NewEvent | Mapping[str, Any]
"""An event, or its fields by name."""

EventsGiven = EventGiven | Iterable[EventGiven]
"""One event, or several."""

_FIELDS = frozenset(NewEvent.__struct_fields__)
_ONE: tuple[type[Any], ...] = (NewEvent, Mapping)
_TEXTS: tuple[type[Any], ...] = (str, bytes)
_LIST: type[Any] = list
_SEVERAL: tuple[type[Any], ...] = (list, tuple)
_MAPPING: type[Any] = Mapping


def as_events(given: EventsGiven) -> list[NewEvent]:
    """Return events as a list of `NewEvent`.

    Raises:
        Invalid: something is neither an event nor a dict of an event's fields.
    """
    several: Any = given
    if type(several) is _LIST and {NewEvent}.issuperset(map(type, several)):
        return several  # type: ignore[no-any-return]  # it was just looked at
    if isinstance(given, _ONE):
        return [_as_event(given)]
    if isinstance(given, _TEXTS) or not hasattr(given, "__iter__"):
        raise Invalid(f"events is {type(given).__name__}: give NewEvent, a dict such as {{'type': ...}}, or a list")
    return [_as_event(each) for each in several]


FailIfGiven = FailIf | Query | Sequence[Query] | None
"""An append condition, or what may not match: one query or any of several."""


def as_fail_if(given: FailIfGiven) -> FailIf | None:
    """Return an append condition; a query alone looks behind its own `after`, as each of several does.

    Raises:
        Invalid: it is none.
    """
    if isinstance(given, Query):
        return FailIf(query=given)
    several: Any = given
    if isinstance(given, _SEVERAL) and {Query}.issuperset(map(type, several)):
        return FailIf(queries=tuple(several))
    if given is not None and type(given) is not FailIf:
        raise Invalid(f"fail_if is {type(given).__name__}: give a Query, several, or FailIf(query=..., after=...)")
    return given


def _as_event(given: Any) -> NewEvent:
    if isinstance(given, NewEvent):
        return given
    if not isinstance(given, _MAPPING):
        raise Invalid(f"an append holds {type(given).__name__}: give NewEvent or a dict such as {{'type': ...}}")
    fields: Mapping[Any, Any] = given
    if unknown := sorted(map(str, fields.keys() - _FIELDS)):
        known = ", ".join(NewEvent.__struct_fields__)
        raise Invalid(f"an event has no {', '.join(unknown)}: its fields are {known}")
    if "type" not in fields:
        raise Invalid("an event without a type: give it one")
    return NewEvent(**fields)
