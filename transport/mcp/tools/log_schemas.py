"""Arguments and results of the tools that append to the log and read it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from store.model.append import MAX_EXPECTED, MAX_QUERIES
from store.model.limits import MAX_TAGS
from transport.mcp.tools.schema import Arguments, Name, Seconds, Sequence, Time


class NewEventArguments(Arguments, frozen=True):
    """An event to append."""

    type: Annotated[Name, Meta(description="What happened. Types starting `moothall.` are the server's own.")]
    data: Annotated[Any, Meta(description="The payload: any JSON, 64 levels deep at most")] = None
    stream: Annotated[Name | None, Meta(description="Defaults to the call's `stream`")] = None
    correlation_id: Name | None = None
    causation_id: Name | None = None
    metadata: dict[str, Any] | None = None
    tags: Annotated[
        Annotated[tuple[Name, ...], Meta(max_length=MAX_TAGS)] | None,
        Meta(description="Names of what it concerns, to be found and conditioned by"),
    ] = ()


class Filter(Arguments, frozen=True):
    """Which events are meant; every filter given must hold."""

    stream: Name | None = None
    types: Annotated[
        Annotated[list[Name], Meta(max_length=64)] | None, Meta(description="Events of one of these types")
    ] = None
    agents: Annotated[
        Annotated[list[Name], Meta(max_length=64)] | None, Meta(description="Events appended by one of these agents")
    ] = None
    tags: Annotated[
        Annotated[list[Name], Meta(max_length=MAX_TAGS)] | None, Meta(description="Events that have all of these tags")
    ] = None
    correlation_id: Name | None = None
    after_revision: Annotated[Sequence | None, Meta(description="Events of `stream` with a greater revision")] = None
    before_revision: Annotated[Sequence | None, Meta(description="Events of `stream` with a smaller revision")] = None
    before: Annotated[Sequence | None, Meta(description="Events with a smaller sequence")] = None
    since: Annotated[Time | None, Meta(description="Events at this time or later")] = None
    until: Annotated[Time | None, Meta(description="Events before this time")] = None
    where: Annotated[
        dict[str, Any] | None,
        Meta(description="Payload fields and the values they must equal; a key is a field's name or a dotted path"),
    ] = None


Revision = Sequence | Literal["any", "no_stream", "exists"]
"""What a stream must be at."""


class FailIf(Arguments, frozen=True):
    """Refuse the append if an event that matches a query has a sequence above `after`."""

    query: Filter | None = None
    after: Sequence = 0
    queries: Annotated[
        Annotated[list[Filter], Meta(min_length=1, max_length=MAX_QUERIES)] | None,
        Meta(description="Instead of `query`: an event need match one of them"),
    ] = None


class AppendArguments(Arguments, frozen=True):
    """Append events, all or none."""

    events: Annotated[list[NewEventArguments], Meta(min_length=1)]
    stream: Annotated[Name | None, Meta(description="Defaults to `agent/<your name>`")] = None
    expected_revision: Annotated[
        Revision | None,
        Meta(description="Refuse unless `stream` is at this revision"),
    ] = None
    expected: Annotated[
        Annotated[dict[Name, Revision], Meta(max_length=MAX_EXPECTED)] | None,
        Meta(description="Refuse unless each of these streams is at its revision"),
    ] = None
    fail_if: FailIf | None = None
    command_id: Annotated[Name | None, Meta(description="Makes a retry safe: the same id is stored once")] = None


class QueryArguments(Filter, frozen=True):
    """Which events to return, and how many."""

    after: Annotated[
        int | None,
        Meta(description="Events with a greater sequence; pass `next` to go on (descending, it is negative)"),
    ] = None
    order: Literal["asc", "desc"] = "asc"
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    wait_s: Annotated[Seconds, Meta(description="Where the page would be empty, wait this long for an event")] = 0.0
    skip_gone: Annotated[
        bool,
        Meta(description="Where events that are asked for have left the log, go on with what is left"),
    ] = False


class EraseArguments(Arguments, frozen=True):
    """Erase what the events of a stream hold."""

    stream: Annotated[Name, Meta(description="None of the hall's own, `moothall/...`")]


class AppendResult(msgspec.Struct, frozen=True):
    """Where the events went."""

    first_sequence: int
    last_sequence: int
    revisions: dict[str, int]
    time: Time
    deduplicated: bool


class EventResult(msgspec.Struct, frozen=True):
    """A stored event."""

    sequence: int
    stream: str
    revision: int
    type: str
    data: Any
    agent: str
    time: Time
    correlation_id: str | None
    causation_id: str | None
    metadata: dict[str, Any] | None
    tags: tuple[str, ...]
    erased: Annotated[
        bool | msgspec.UnsetType, Meta(description="True if what it held was erased: `data` is null then")
    ] = msgspec.UNSET


class QueryResult(msgspec.Struct, frozen=True):
    """A page of events."""

    events: list[EventResult]
    next: int
    has_more: bool


class EraseResult(msgspec.Struct, frozen=True):
    """What was erased."""

    stream: str
    events: int
    last_sequence: int
    gone: int
