"""One MCP session over HTTP: what it may use is what a websocket may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import trio
from mcp.shared.dispatcher import coerce_request_id

from actors.desk.gate import Caller
from transport.http.connection import HttpLimits
from transport.mcp.cancellation import CancelScopes
from transport.mcp.in_flight import InFlight
from transport.mcp.message_parser import RequestId
from transport.mcp.protocol_era import Era
from transport.mcp.sessionless_limits import SessionlessLimit
from transport.mcp.ticket_queue import TicketQueue

T = TypeVar("T")


class HttpSession:
    """One session.

    Args:
        session_id: Its id.
        caller: Who asks in it.
        era: Its lifecycle.
        limits: What it may use.

    Attributes:
        in_flight: The requests under way in it.
        sessionless: Limits what no session of the hall admits.
        cancel_scopes: Those of its requests that run beside the SDK.
        answered: The requests under way whose answer was sent: their ids are free in a moment, when the event is set.
        tickets: Its appends, in the order in which they came.
        over: Whether it has ended.
    """

    def __init__(self, session_id: str, caller: Caller, era: Era, limits: HttpLimits) -> None:
        self.session_id = session_id
        self.caller = caller
        self.era = era
        self.in_flight = InFlight(limits.in_flight, limits.in_flight_bytes)
        role = caller.principal.role
        self.sessionless = SessionlessLimit(role, limits.sessionless_per_s, limits.sessionless_burst)
        self.cancel_scopes = CancelScopes()
        self.tickets = TicketQueue()
        self.answered: dict[RequestId, trio.Event] = {}
        self.over = False

    async def until_cancelled(self, request_id: RequestId, work: Callable[[], Awaitable[T]]) -> T | None:
        """Return what comes of work; None where the client cancels its request, or the session ends. A checkpoint."""
        with self.cancel_scopes.open(request_id) as scope:
            try:
                return await work()
            finally:
                self.cancel_scopes.close(request_id, scope)
        return None

    @contextmanager
    def noting_answer(self, request_id: RequestId) -> Generator[Callable[[], None]]:
        """Give what notes, within the block, that a request was answered; at its end the request is cleared away."""
        key = coerce_request_id(request_id)

        def note() -> None:
            self.answered.setdefault(key, trio.Event())

        try:
            yield note
        finally:
            cleared = self.answered.pop(key, None)
            if cleared is not None:
                cleared.set()

    def end(self) -> None:
        """Give up what is under way beside the SDK: nobody is answered any more. Does not checkpoint."""
        self.over = True
        self.cancel_scopes.cancel_all()
