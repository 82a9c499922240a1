"""The tools that append to the log and read it: `append_events` and `query_events`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from actors.desk.gate import Gate, Refusal
from store import Append, Appended, Event, FailIf, NewEvent, Query
from store.model.times import from_rfc3339, to_rfc3339
from transport.mcp.request_context import RequestContext
from transport.mcp.tools import log_schemas
from transport.mcp.tools.log_schemas import (
    AppendArguments,
    AppendResult,
    EraseArguments,
    EraseResult,
    EventResult,
    Filter,
    QueryArguments,
    QueryResult,
)
from transport.mcp.tools.tool import Tool, converted

WHERE_KEYS: Final = 16
WHERE_KEY_CHARACTERS: Final = 256
WHERE_BYTES: Final = 8 * 1024
"""How large `where` may be: it is compared with every event of a read, which may be the whole log."""

# What the log's 64 bits can hold.
_FIRST_NS: Final = -(1 << 63)
_LAST_NS: Final = (1 << 63) - 1


async def _append_events(gate: Gate, context: RequestContext, arguments: AppendArguments) -> AppendResult:
    sent = context.ticket.finish if context.ticket is not None else None
    return _append_result(await gate.append_events(context.caller, _append(context, arguments), sent))


def _send_append(
    gate: Gate, context: RequestContext, arguments: AppendArguments
) -> Callable[[], Awaitable[AppendResult]]:
    appended = gate.append_events_nowait(context.caller, _append(context, arguments))

    async def result() -> AppendResult:
        return _append_result(await appended())

    return result


def _append(context: RequestContext, arguments: AppendArguments) -> Append:
    return Append(
        events=[converted(NewEvent, event) for event in arguments.events],
        agent=context.caller.principal.agent,
        stream=arguments.stream,
        expected_revision=arguments.expected_revision,
        fail_if=_fail_if(arguments.fail_if),
        command_id=arguments.command_id,
        expected=arguments.expected,
    )


def _append_result(appended: Appended) -> AppendResult:
    return AppendResult(
        first_sequence=appended.first_sequence,
        last_sequence=appended.last_sequence,
        revisions=appended.revisions,
        time=to_rfc3339(appended.time_ns),
        deduplicated=appended.deduplicated,
    )


def _fail_if(condition: log_schemas.FailIf | None) -> FailIf | None:
    if condition is None:
        return None
    if (condition.query is None) == (condition.queries is None):
        raise Refusal("invalid", "`fail_if` takes `query` or `queries`, and one of them")
    query = None if condition.query is None else _query(condition.query)
    return FailIf(query=query, after=condition.after, queries=tuple(map(_query, condition.queries or ())))


async def _query_events(gate: Gate, context: RequestContext, arguments: QueryArguments) -> QueryResult:
    if arguments.wait_s and arguments.order == "desc":
        raise Refusal("invalid", "`wait_s` needs the order `asc`: new events come at the end")
    page = await gate.query_events(
        context.caller,
        _paged(arguments),
        arguments.wait_s,
        whole=not arguments.skip_gone,
        begins=arguments.after is not None and arguments.after >= 0,
    )
    # Descending, the cursor is negative: a positive `after` keeps its meaning, events with a greater sequence.
    cursor = -page.next if arguments.order == "desc" else page.next
    return QueryResult(events=[_event(event) for event in page.events], next=cursor, has_more=page.has_more)


def _paged(arguments: QueryArguments) -> Query:
    query = msgspec.structs.replace(_query(arguments), order=arguments.order, limit=arguments.limit)
    if arguments.after is None:
        return query
    if arguments.after >= 0:
        return msgspec.structs.replace(query, after=arguments.after)
    if arguments.order == "asc":
        raise Refusal("invalid", "a negative `after` is the cursor of a descending query; set `order` to `desc`")
    below = -arguments.after
    return msgspec.structs.replace(query, before=below if query.before is None else min(below, query.before))


def _query(filters: Filter) -> Query:
    _check_where(filters.where)
    return Query(
        stream=filters.stream,
        types=tuple(filters.types or ()),
        agents=tuple(filters.agents or ()),
        tags=tuple(filters.tags or ()),
        correlation_id=filters.correlation_id,
        after_revision=filters.after_revision,
        before_revision=filters.before_revision,
        before=filters.before,
        since_ns=_time(filters.since),
        until_ns=_time(filters.until),
        where=filters.where,
    )


def _check_where(where: dict[str, Any] | None) -> None:
    """Bound what is compared with every event of a long read."""
    if where is None:
        return
    if len(where) > WHERE_KEYS or any(len(key) > WHERE_KEY_CHARACTERS for key in where):
        raise Refusal("invalid", f"`where` takes {WHERE_KEYS} keys of {WHERE_KEY_CHARACTERS} characters at the most")
    if len(msgspec.json.encode(where)) > WHERE_BYTES:
        raise Refusal("invalid", f"`where` takes {WHERE_BYTES} bytes at the most")


def _time(text: str | None) -> int | None:
    """Read a time; one beyond what the log can hold is as good as the first or the last that it can."""
    try:
        return None if text is None else max(_FIRST_NS, min(_LAST_NS, from_rfc3339(text)))
    except ValueError as error:
        raise Refusal("invalid", str(error)) from None


def _event(event: Event) -> EventResult:
    return EventResult(
        sequence=event.sequence,
        stream=event.stream,
        revision=event.revision,
        type=event.type,
        data=event.data,
        agent=event.agent,
        time=to_rfc3339(event.time_ns),
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        metadata=event.metadata,
        tags=event.tags,
        erased=event.erased or msgspec.UNSET,
    )


async def _erase_stream(gate: Gate, context: RequestContext, arguments: EraseArguments) -> EraseResult:
    return converted(EraseResult, await gate.erase_stream(context.caller, arguments.stream))


LOG_TOOLS: Final = (
    Tool(
        "append_events",
        "Append events to the log, all or none. `expected_revision`, `expected` and `fail_if` make it conditional; "
        "`command_id` makes a retry safe.",
        AppendArguments,
        AppendResult,
        _append_events,
        send=_send_append,
        ordered=True,
    ),
    Tool(
        "query_events",
        "Read events, a page at a time: pass `next` as `after` to go on while `has_more`; large events end a page "
        "before its limit, at 1 MiB. With `wait_s` an empty page waits for the first match, which is how to follow "
        "the log. Without `after` it begins with what is left of the log.",
        QueryArguments,
        QueryResult,
        _query_events,
    ),
    Tool(
        "erase_stream",
        "Erase what the events of a stream hold, for good, as for personal data (for admins): payload, metadata, tags "
        "and ids of correlation and causation. The events keep their places. It is told in the log.",
        EraseArguments,
        EraseResult,
        _erase_stream,
        changes=True,
    ),
)
