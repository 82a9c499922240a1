"""One call of a tool, from its arguments to its result: the same for every way in.

What goes wrong in a tool is a tool error with one of the contract's codes. Arguments are converted by msgspec, which
checks what the published schema says; the rare value that JSON Schema takes and msgspec does not (1.0 as an integer)
gets a second look with the schema itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sized
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from actors.desk.gate import Gate, Refusal
from actors.kernel import ActorError, AskTimeout
from transport.logs import Logger
from transport.mcp.request_context import RequestContext
from transport.mcp.tools.schema import BATCH, Arguments, input_schema, without_additions
from transport.mcp.tools.tool import Tool

if TYPE_CHECKING:
    import jsonschema

log = Logger(__name__)

_EXPECTED: Final = frozenset({"rate_limited", "revision_conflict", "condition_failed", "events_gone"})
"""Refusals that are part of normal work and not worth a line in the log."""

_CHARGED: Final = frozenset({"invalid", "too_large"})
"""Refusals of what its sender could have known: it pays for the bytes."""


class Outcome(NamedTuple):
    """What a call came to.

    Attributes:
        content: The structured content.
        is_error: Whether it is a tool error, `{error: {code, message, ...}}`.
    """

    content: msgspec.Struct | dict[str, Any]
    is_error: bool


async def run_tool(gate: Gate, tool: Tool, context: RequestContext, arguments: dict[str, Any]) -> Outcome:
    """Call a tool, in its turn where it has a ticket; a checkpoint. Raises nothing but `trio.Cancelled`."""

    async def run() -> msgspec.Struct:
        with gate.shares.requests.held(context.caller.principal):
            if context.ticket is not None:
                await context.ticket.wait()
            return await tool.run(gate, context, converted(tool.arguments, arguments))

    return await outcome_of(gate, run, tool, context)


async def outcome_of(
    gate: Gate, run: Callable[[], Awaitable[msgspec.Struct]], tool: Tool, context: RequestContext
) -> Outcome:
    """Return what a call of a tool comes to, once `run` gives its result; a checkpoint where `run` is one.

    Raises nothing but `trio.Cancelled`, and finishes the ticket.
    """
    try:
        result = await run()
    except Refusal as refusal:
        level = log.debug if refusal.code in _EXPECTED else log.info
        level("tool.refused", tool=tool.name, agent=context.caller.principal.agent, code=refusal.code)
        if refusal.code in _CHARGED:
            await gate.charge_refused(context.caller.principal, context.size)
        return _failed(refusal.code, refusal.message, refusal.detail)
    except AskTimeout as error:
        return _failed("deadline", str(error))
    except ActorError as error:
        return _failed("unavailable", str(error))
    except Exception:
        log.exception("tool.crashed", tool=tool.name, agent=context.caller.principal.agent)
        return _failed("unavailable", "the server failed on this call and logged why; the outcome is unknown")
    finally:
        if context.ticket is not None:
            context.ticket.finish()
    return Outcome(result, is_error=False)


SECOND_LOOK_BYTES: Final = 2 * 1024
"""The largest arguments that get a second look with the schema itself, which takes a thousand times as long.

That is up to some milliseconds, for which its sender pays no more than for as many bytes that are read once.
"""

_encode = msgspec.json.Encoder().encode


def fitting(kind: type[Arguments], arguments: dict[str, Any]) -> Arguments:
    """Return a tool's arguments as it takes them, where msgspec takes them too.

    Raises:
        Refusal: `too_large`: a batch of more than its role may ever send.
        msgspec.ValidationError: They may fit the schema all the same.
    """
    events: object = arguments.get("events") if type(arguments) is dict else None
    if isinstance(events, Sized) and not isinstance(events, str | dict) and len(events) > BATCH:
        raise Refusal("too_large", f"{BATCH} events are the most in one call; split the batch")
    return msgspec.convert(arguments, kind)


def converted(kind: type[Arguments], arguments: dict[str, Any]) -> Arguments:
    """Return a tool's arguments as it takes them, without what is null and what clients add for themselves.

    Raises:
        Refusal: `too_large`: a batch of more than its role may ever send; `invalid`: they do not fit the schema.
    """
    try:
        return fitting(kind, arguments)
    except msgspec.ValidationError as error:
        fault = error
    try:
        if type(arguments) is dict and (own := without_additions(kind, arguments)) is not arguments:
            arguments = own
            return fitting(kind, arguments)
    except msgspec.ValidationError as error:
        fault = error
    try:
        if len(_encode(arguments)) <= SECOND_LOOK_BYTES and _fits(kind, arguments):
            return msgspec.convert(arguments, kind, strict=False)
    except msgspec.ValidationError as error:
        fault = error
    raise Refusal("invalid", f"{fault}; tools/list shows the schema") from None


def _failed(code: str, message: str, detail: dict[str, Any] | None = None) -> Outcome:
    return Outcome({"error": {**(detail or {}), "code": code, "message": message}}, is_error=True)


def _fits(kind: type[Arguments], arguments: Any) -> bool:
    validator: Any = _validator(kind)
    return bool(validator.is_valid(arguments))


@cache
def _validator(kind: type[Arguments]) -> jsonschema.Draft202012Validator:
    import jsonschema  # noqa: PLC0415 - 2 MB that hardly a server needs

    return jsonschema.Draft202012Validator(input_schema(kind))
