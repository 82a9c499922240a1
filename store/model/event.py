"""Events: as a caller proposes them, and as the log keeps them.

The field order of `Event` is the record format on disk (an array-like MessagePack record): it never changes. A new
field goes to the end, with a default. What the index needs comes first and the payload last, so that `IndexedFields`
reads the front of a record and skips the rest.
"""

from typing import Any

import msgspec


class _ErasedPayload:
    """Stands for a payload that was erased before it is stored; false, as an empty one is."""

    def __bool__(self) -> bool:
        return False


ERASED_PAYLOAD = _ErasedPayload()
"""The payload with which an import stores an erased event: as nil, which no payload that callers give is stored as."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An event that is not stored yet.

    Attributes:
        type: what happened; a name of 1..256 characters without control characters.
        data: the payload: plain dicts with string keys, lists, strings, integers of 64 bits, finite floats, booleans
            and None. A payload of None is stored as `{}`.
        stream: the stream it belongs to; None means the append's stream.
        correlation_id: names the conversation it belongs to; a name as above.
        causation_id: names what caused it; a name as above.
        metadata: facts about the event that are not its content; a dict like `data`.
        tags: up to 32 names of what it concerns, to be found and conditioned by.
    """

    type: str
    data: Any = None
    stream: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    metadata: dict[str, Any] | None = None
    tags: tuple[str, ...] | None = ()


class Event(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A stored event.

    Attributes:
        sequence: its place in the log, from 1 without gaps.
        stream: the stream it belongs to.
        revision: its place in the stream, from 1 without gaps.
        type: what happened.
        agent: who appended it.
        time_ns: when, in nanoseconds since 1970 UTC, by the clock of the log.
        correlation_id: as given.
        causation_id: as given.
        metadata: as given.
        data: the payload; None if the event was erased, and only then.
        tags: as given.
    """

    sequence: int
    stream: str
    revision: int
    type: str
    agent: str
    time_ns: int
    correlation_id: str | None = None
    causation_id: str | None = None
    metadata: dict[str, Any] | None = None
    data: Any = None
    tags: tuple[str, ...] = ()

    @property
    def erased(self) -> bool:
        """Whether its content was erased: its payload is None then, and it has no metadata, tags, or other ids."""
        return self.data is None


class IndexedFields(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The front of a record, all that an index needs: the same fields as `Event`, read without its payload."""

    sequence: int
    stream: str
    revision: int
    type: str
    agent: str
    time_ns: int
    correlation_id: str | None = None
