"""Types of events: what their payloads look like today, and how those of yesterday become so.

The log keeps what was stored for ever. When the payload of a type changes its shape, the type gets one more version and
a function, an upcaster, that turns a payload of the version before into one of this. Reading applies them in turn, so
that a program knows the newest shape only. An event says its version in its metadata, under `schema`; without it, it is
of version 1.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from store.errors import Invalid
from store.model.event import Event, NewEvent

VERSION_KEY = "schema"
"""The metadata key that holds the version."""

Upcaster = Callable[[Any], Any]
"""Takes a payload of one version and returns a new one of the next; it leaves the one it was given as it is."""


class _Type(msgspec.Struct, frozen=True):
    schema: Any
    upcasters: tuple[Upcaster, ...]

    @property
    def version(self) -> int:
        return len(self.upcasters) + 1


class EventTypes:
    """A registry of event types. Types that are not in it are left alone.

    Example:
        types = EventTypes()
        types.define("order.placed", OrderPlaced, [lambda old: {"id": old["number"], "lines": []}])
        log.append([types.new("order.placed", OrderPlaced(id=7, lines=[]))])
        [types.payload(event) for event in types.read(log.read())]
    """

    def __init__(self) -> None:
        self._types: dict[str, _Type] = {}

    def define(self, name: str, schema: Any, upcasters: Iterable[Upcaster] = ()) -> None:
        """Add a type.

        Args:
            name: the event type.
            schema: what a payload of today is: a msgspec struct, a dataclass, a TypedDict, anything msgspec converts.
            upcasters: from version 1 to 2, from 2 to 3, and so on; there is a version more than there are upcasters.

        Raises:
            Invalid: the type is there already.
        """
        if name in self._types:
            raise Invalid(f"event type {name!r} is defined already: one place says what it looks like")
        self._types[name] = _Type(schema, tuple(upcasters))

    def version(self, name: str) -> int:
        """Return the version of a type today; 1 if it is not defined."""
        known = self._types.get(name)
        return known.version if known else 1

    def new(self, name: str, payload: Any, *, metadata: Mapping[str, Any] | None = None, **fields: Any) -> NewEvent:
        """Return an event of today's version to append.

        Args:
            name: the event type.
            payload: an instance of the type's schema, or built-ins that fit it.
            metadata: as in `NewEvent`; the version is added from version 2 on.
            **fields: the other fields of `NewEvent`.

        Raises:
            Invalid: the payload is not what the type's schema says.
        """
        data = msgspec.to_builtins(payload)
        version = self.version(name)
        self._convert(name, data, "the payload")
        if version > 1:
            metadata = {**(metadata or {}), VERSION_KEY: version}
        return NewEvent(type=name, data=data, metadata=dict(metadata) if metadata is not None else None, **fields)

    def upcast(self, event: Event) -> Event:
        """Return an event as one of today's version; its sequence, its time and an erased one as a whole stay.

        Raises:
            Invalid: the event is of a later version than this program knows, or says no version.
        """
        known = self._types.get(event.type)
        if known is None or event.erased:
            return event
        version = (event.metadata or {}).get(VERSION_KEY, 1)
        if type(version) is not int or not 1 <= version <= known.version:
            raise Invalid(
                f"event {event.sequence} is version {version!r} of {event.type!r}, and this program knows 1 to "
                f"{known.version}: read it with the program that wrote it, or a later one"
            )
        if version == known.version:
            return event
        data = event.data
        for upcaster in known.upcasters[version - 1 :]:
            data = upcaster(data)
        metadata = {**(event.metadata or {}), VERSION_KEY: known.version}
        return msgspec.structs.replace(event, data=data, metadata=metadata)

    def read(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield events as ones of today's versions.

        Raises:
            Invalid: as `upcast` raises it.
        """
        return map(self.upcast, events)

    def payload(self, event: Event) -> Any:
        """Return an event's payload, upcast, as an instance of its type's schema; plain if the type is not defined.

        Of an erased event it is None.

        Raises:
            Invalid: the payload is not what the type's schema says, or as `upcast` raises it.
        """
        if event.erased:
            return None
        current = self.upcast(event)
        return self._convert(event.type, current.data, f"the payload of event {event.sequence}")

    def _convert(self, name: str, data: Any, what: str) -> Any:
        known = self._types.get(name)
        if known is None:
            return data
        try:
            return msgspec.convert(data, known.schema)
        except msgspec.ValidationError as error:
            raise Invalid(f"{what} is no {name!r} of version {known.version}: {error}") from error
