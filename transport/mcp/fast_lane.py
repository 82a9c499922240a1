"""The fast lane: hot tools answered without the SDK's pipeline, which alone takes 140-190 us of a call.

What makes it equal to the SDK's lane, and is held to it by a test that sends the same frames through both:

1. A frame has passed the same parser (`mcp/message_parser.py`), and its id and the cap on requests under way were
   checked.
2. Only `tools/call` on a connection whose lifecycle allows it (`protocol_era.py`), with no other params than `name`,
   `arguments` and a `_meta` that the SDK's own checks have passed. Everything else is the SDK's.
3. The tool runs through the same `run_tool`, so arguments, admission, errors and logs are the same by construction.
4. A request that the client cancels is never answered; one under way when the connection ends is answered with the
   error that the SDK gives.

Where a tool has its answer at hand (health, a known verdict with a prepaid token) it is given in the reader's own task:
no task, no hop, nothing to cancel. Else the request gets a task, as it does in the SDK.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol, cast

import anyio
import msgspec
import trio
from mcp_types import CONNECTION_CLOSED

from actors.desk.gate import Caller, Gate, Refusal
from actors.kernel import ActorError
from transport.mcp.cancellation import CancelScopes
from transport.mcp.in_flight import InFlight
from transport.mcp.message_parser import RequestId
from transport.mcp.protocol_era import Era
from transport.mcp.request_context import RequestContext
from transport.mcp.tool_calls import Outcome, fitting, outcome_of, run_tool
from transport.mcp.tools.tool import Tool
from transport.mcp.tools.toolset import TOOLS

LANE: Final = {name: TOOLS[name] for name in ("validate", "validate_batch", "health", "append_events", "query_events")}
"""The tools that the lane takes."""

_encode = msgspec.json.Encoder().encode


def called(params: dict[str, Any]) -> tuple[Tool, dict[str, Any]] | None:
    """Return the tool that a `tools/call` names and its arguments; None where the call is not for the lane."""
    name, given = params.get("name"), params.get("arguments")
    tool = LANE.get(name) if isinstance(name, str) else None
    if tool is None or not (given is None or isinstance(given, dict)):
        return None
    arguments = cast("dict[str, Any]", given or {})
    return None if arguments.get("wait_s") else (tool, arguments)


def at_once(gate: Gate, context: RequestContext, tool: Tool, arguments: dict[str, Any]) -> Outcome | None:
    """Return what a call comes to where that is at hand, else None. Does not checkpoint."""
    if tool.run_nowait is None:
        return None
    try:
        result = tool.run_nowait(gate, context, msgspec.convert(arguments, tool.arguments))
    except (trio.WouldBlock, msgspec.ValidationError):
        return None
    return Outcome(result, is_error=False)


def sent(
    gate: Gate, context: RequestContext, tool: Tool, arguments: dict[str, Any]
) -> Callable[[], Awaitable[msgspec.Struct]] | None:
    """Return what gives a call's result where its first part could be done now, else None. Does not checkpoint."""
    if tool.send is None:
        return None
    requests, principal = gate.shares.requests, context.caller.principal
    try:
        requests.take(principal)
    except Refusal:
        return None
    try:
        result = tool.send(gate, context, fitting(tool.arguments, arguments))
    except (trio.WouldBlock, msgspec.ValidationError, Refusal, ActorError):  # whoever runs the whole says which
        requests.give_back(principal)
        return None

    async def received() -> msgspec.Struct:
        try:
            return await result()
        finally:
            requests.give_back(principal)

    return received


def answer(request_id: RequestId, outcome: Outcome, tail: str) -> str:
    """Return the message that answers a call; `tail` is what every result of its lifecycle ends with."""
    content = _encode(outcome.content).decode()
    return (
        f'{{"jsonrpc":"2.0","id":{_encode(request_id).decode()},"result":{{"content":[{{"text":'
        f'{_encode(content).decode()},"type":"text"}}],"isError":{"true" if outcome.is_error else "false"},'
        f'"structuredContent":{content}{tail}}}}}'
    )


class AnswerQueue(Protocol):
    """Where answers wait to be written. Both methods raise `anyio.ClosedResourceError` once the connection closes."""

    def put(self, text: str) -> None:
        """Queue a message that is JSON already."""
        ...

    def refuse(self, request_id: RequestId | None, code: int, message: str) -> None:
        """Queue an error response."""
        ...


class FastLane:
    """The lane of one connection; `cancel` takes the params of a `notifications/cancelled`. Nothing here checkpoints.

    Args:
        gate: What the tools call.
        caller: Who is on the other side.
        era: The connection's lifecycle.
        in_flight: The requests under way, in both lanes.
        answers: Where answers go.
        start_soon: Starts a task that lives no longer than the connection.
    """

    def __init__(
        self,
        gate: Gate,
        caller: Caller,
        *,
        era: Era,
        in_flight: InFlight,
        answers: AnswerQueue,
        start_soon: Callable[..., None],
    ) -> None:
        self._gate = gate
        self._caller = caller
        self._at_once = RequestContext(caller)
        self._era = era
        self._in_flight = in_flight
        self._answers = answers
        self._start_soon = start_soon
        self._scopes = CancelScopes()
        self.cancel = self._scopes.cancel

    def take(self, request_id: RequestId, params: dict[str, Any], size: int) -> bool:
        """Answer a `tools/call`, or see to it that it will be answered; False where it is for the SDK.

        Args:
            request_id: The request's id.
            params: Its params.
            size: How large its frame is.

        Raises:
            anyio.ClosedResourceError: The connection is closing or has failed.
        """
        found = called(params)
        if found is None or not self._era.admits(params):
            return False
        tool, arguments = found
        outcome = at_once(self._gate, self._at_once, tool, arguments)
        if outcome is not None:
            self._answer(request_id, outcome)
            return True
        result = None if self._in_flight.tickets_wait else sent(self._gate, self._at_once, tool, arguments)
        if result is not None:
            context = RequestContext(self._caller, size=size)
            self._in_flight.begin(request_id, size=size, ordered=False)
            self._start(request_id, partial(outcome_of, self._gate, result, tool, context))
        else:
            ticket = self._in_flight.begin(request_id, size=size, ordered=tool.ordered)
            context = RequestContext(self._caller, ticket, size=size)
            self._start(request_id, partial(run_tool, self._gate, tool, context, arguments))
        return True

    def close(self) -> None:
        """Give up all that is under way and tell the client so: the connection ends."""
        for request_id in self._scopes.cancel_all():
            with suppress(anyio.ClosedResourceError):
                self._answers.refuse(request_id, CONNECTION_CLOSED, "Connection closed")

    def _start(self, request_id: RequestId, run: Callable[[], Awaitable[Outcome]]) -> None:
        self._start_soon(self._run, request_id, self._scopes.open(request_id), run)

    async def _run(self, request_id: RequestId, scope: trio.CancelScope, run: Callable[[], Awaitable[Outcome]]) -> None:
        try:
            with scope, suppress(anyio.ClosedResourceError):
                outcome = await run()
                if not scope.cancel_called:  # a request that its client cancels is never answered
                    self._answer(request_id, outcome)
        finally:
            self._scopes.close(request_id, scope)
            self._in_flight.settle(request_id)

    def _answer(self, request_id: RequestId, outcome: Outcome) -> None:
        self._answers.put(answer(request_id, outcome, self._era.tail))
