"""What enters a connection: frames that pass the checks, as the stream of messages that the SDK's loop reads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Self

import trio
from mcp.shared._stream_protocols import ReadStream
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from pydantic import ValidationError
from trio_websocket import ConnectionClosed, WebSocketConnection

from actors.desk.gate import Caller, Gate
from actors.desk.shares import BUSY_S
from transport.logs import Logger
from transport.mcp.fast_lane import FastLane
from transport.mcp.in_flight import TOO_MANY_REQUESTS, InFlight
from transport.mcp.message_parser import INVALID_REQUEST, LARGE_BYTES, Malformed, RequestId, parse
from transport.mcp.protocol_era import Era
from transport.mcp.request_context import RequestContext
from transport.mcp.sessionless_limits import SessionlessLimit
from transport.mcp.tools.toolset import ORDERED
from transport.websocket.message_size import is_too_large
from transport.websocket.outgoing_messages import Outbound

log = Logger(__name__)


class Inbound:
    """The read stream that the SDK's loop iterates over.

    Args:
        websocket: Where the frames come from.
        outbound: Where refusals go.
        in_flight: The requests under way.
        gate: Charges for what is refused.
        caller: Who is on the other side.
        era: Told of each request that goes to the SDK.
        sessionless: Limits what no session admits.
        lane: Takes what need not go to the SDK; None where everything shall.
        message_bytes: The largest message.
        drain_s: How long requests under way may go on after `stop`, in seconds.
        close: Closes the connection with a code and a reason.
    """

    def __init__(
        self,
        websocket: WebSocketConnection,
        outbound: Outbound,
        in_flight: InFlight,
        gate: Gate,
        caller: Caller,
        *,
        era: Era,
        sessionless: SessionlessLimit,
        lane: FastLane | None,
        message_bytes: int,
        drain_s: float,
        close: Callable[[int, str], None],
    ) -> None:
        self._websocket = websocket
        self._outbound = outbound
        self._in_flight = in_flight
        self._era = era
        self._sessionless = sessionless
        self._lane = lane
        self._gate = gate
        self._caller = caller
        self._message_bytes = message_bytes
        self._drain_s = drain_s
        self._close = close
        self._reading = trio.CancelScope()
        self._stopped = False
        self._refused = 0
        self._unpaid = 0
        self._drain = False

    def stop(self, *, drain: bool) -> None:
        """Read no more; with `drain`, give requests under way a moment. Does not checkpoint."""
        self._stopped = True
        self._drain = drain
        self._reading.cancel()

    def __aiter__(self) -> ReadStream[SessionMessage | Exception]:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        """Return the next message that passes the checks; a checkpoint.

        Raises:
            StopAsyncIteration: The peer has gone, or `stop` was called.
        """
        message = await self._next_for_sdk()
        if message is not None:
            return message
        if self._lane is not None:
            self._lane.close()
        raise StopAsyncIteration

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message, as `__anext__`; part of the SDK's protocol of a read stream."""
        return await anext(self)

    async def aclose(self) -> None:
        """Do nothing: the connection ends as its owner says. Does not checkpoint."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _next_for_sdk(self) -> SessionMessage | None:
        if not self._stopped:
            # One scope for all the frames that the lane takes on the way: a scope costs more than a lane's look-up.
            with trio.CancelScope() as self._reading:
                try:
                    while True:
                        frame = await self._websocket.get_message()
                        if len(frame) > LARGE_BYTES:
                            await self._gate.admit_large(self._caller.principal, len(frame))
                        message = self._accept(frame)
                        if message is not None:
                            return message
                        if self._unpaid:
                            size, self._unpaid = self._unpaid, 0
                            await self._gate.charge_refused(self._caller.principal, size)
                            await self._gate.wait_until_paid(self._caller.principal)
                except ConnectionClosed:
                    return None
        if self._drain:
            with trio.move_on_after(self._drain_s):
                await self._in_flight.wait_idle()
        return None

    def _accept(self, frame: str | bytes) -> SessionMessage | None:
        if isinstance(frame, bytes):
            self._close(1003, "send JSON-RPC as text frames")
            return None
        if is_too_large(frame, self._message_bytes):
            self._unpaid = len(frame)
            self._close(1009, f"a message may have {self._message_bytes} bytes")
            return None
        try:
            return self._message(parse(frame), len(frame))
        except Malformed as malformed:
            self._log_refused(malformed)
            self._unpaid = len(frame)
            self._outbound.refuse(malformed.request_id, malformed.code, malformed.message)
            return None

    def _log_refused(self, malformed: Malformed) -> None:
        """Log a refusal, the more rarely the more there are: a peer may make a hundred thousand a second."""
        self._refused += 1
        if self._refused.bit_count() == 1:
            log.info(
                "message.refused",
                connection=self._caller.connection,
                code=malformed.code,
                reason=malformed.message,
                refused=self._refused,
            )

    def _message(self, message: dict[str, Any], size: int) -> SessionMessage | None:
        if "method" not in message:
            return SessionMessage(_response(message))
        if "id" in message:
            return self._request(message, size)
        if self._lane is not None and message["method"] == "notifications/cancelled":
            self._lane.cancel(message.get("params"))
        return SessionMessage(
            JSONRPCNotification(jsonrpc="2.0", method=message["method"], params=message.get("params")),
            ServerMessageMetadata(request_context=RequestContext(self._caller)),
        )

    def _request(self, message: dict[str, Any], size: int) -> SessionMessage | None:
        request_id: RequestId = message["id"]
        method, params = message["method"], message.get("params")
        if request_id in self._in_flight:
            raise Malformed(INVALID_REQUEST, "a request with this id is under way; use each id once", request_id)
        if not self._in_flight.has_room(size):
            self._outbound.refuse(
                request_id,
                TOO_MANY_REQUESTS,
                f"{len(self._in_flight)} requests of {self._in_flight.size} bytes are under way on this connection,"
                " or too many bytes on all of yours; wait for answers",
                {"error": {"code": "rate_limited", "in_flight": len(self._in_flight), "retry_after_s": BUSY_S}},
            )
            return None
        called: dict[str, Any] = params if method == "tools/call" and params is not None else {}
        wait_s = self._sessionless.wait_s(method, called)
        if wait_s is not None:
            self._outbound.refuse(
                request_id,
                TOO_MANY_REQUESTS,
                f"too many requests of this kind on this connection; retry after {wait_s:.3f} s",
                {"error": {"code": "rate_limited", "retry_after_s": wait_s}},
            )
            return None
        if called and self._lane is not None and self._lane.take(request_id, called, size):
            return None
        self._era.asked(request_id, method, params)
        name = called.get("name")
        ordered = isinstance(name, str) and name in ORDERED
        ticket = self._in_flight.begin(request_id, size=size, ordered=ordered)
        return SessionMessage(
            JSONRPCRequest(jsonrpc="2.0", id=request_id, method=method, params=params),
            ServerMessageMetadata(
                request_context=RequestContext(self._caller, ticket, size=size),
                on_request_unanswered=partial(self._unanswered, request_id),
            ),
        )

    async def _unanswered(self, request_id: RequestId) -> None:
        self._in_flight.settle(request_id)


def _response(message: dict[str, Any]) -> JSONRPCResponse | JSONRPCError:
    kind = JSONRPCResponse if "result" in message else JSONRPCError
    try:
        return kind.model_validate(message)
    except ValidationError:
        raise Malformed(INVALID_REQUEST, "neither a request nor a well-formed response") from None
