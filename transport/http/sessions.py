"""MCP sessions over HTTP: each is one connection to the hall, whatever sockets its requests come by.

What a session may use is what a websocket may: so many requests under way, so many bytes of them, so many that no
session of the hall admits. The SDK tells nobody how an `initialize` ended, so its answer is read along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from math import inf
from typing import Any, Final, TypeVar

import msgspec
import trio
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER, EventStore, StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Message, Scope, Send

from actors.desk.gate import Caller
from actors.session.messages import Principal
from transport.http.connection import HttpLimits
from transport.logs import Logger
from transport.mcp.cancellation import CancelScopes
from transport.mcp.in_flight import InFlight
from transport.mcp.message_parser import RequestId
from transport.mcp.protocol_era import Era
from transport.mcp.sessionless_limits import SessionlessLimit
from transport.mcp.ticket_queue import TicketQueue

log = Logger(__name__)

_ID: Final = MCP_SESSION_ID_HEADER.encode()
_DATA: Final = b"data: "
T = TypeVar("T")

_decode = msgspec.json.Decoder().decode


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
        self.over = False

    async def until_cancelled(self, request_id: RequestId, work: Callable[[], Awaitable[T]]) -> T | None:
        """Return what comes of work; None where the client cancels its request, or the session ends. A checkpoint."""
        with self.cancel_scopes.open(request_id) as scope:
            try:
                return await work()
            finally:
                self.cancel_scopes.close(request_id, scope)
        return None

    def end(self) -> None:
        """Give up what is under way beside the SDK: nobody is answered any more. Does not checkpoint."""
        self.over = True
        self.cancel_scopes.cancel_all()


class Sessions(StreamableHTTPSessionManager):
    """The SDK's session manager, that numbers sessions as the gateway numbers websockets.

    Args:
        server: The MCP server.
        numbers: Where the numbers come from.
        ended: Told of each session that has ended.
        limits: What a session may use, and how many a principal may have.
        event_store: Where sessions keep what a client may ask for again; None to keep nothing.
    """

    def __init__(
        self,
        server: Server[Any],
        *,
        numbers: Iterator[int],
        ended: Callable[[Caller], None],
        limits: HttpLimits,
        event_store: EventStore | None = None,
    ) -> None:
        super().__init__(server, event_store=event_store, max_request_body_size=limits.message_bytes)
        self._numbers = numbers
        self._ended = ended
        self._limits = limits
        self._known: dict[str, HttpSession] = {}
        self._owned: Counter[Principal] = Counter()

    def find(self, scope: Scope, principal: Principal) -> HttpSession | None:
        """Return the session that a request names, if it is one of this principal's. Does not checkpoint."""
        session_id = session_id_of(scope)
        known = self._known.get(session_id) if session_id is not None else None
        if known is None or known.caller.principal != principal:
            return None
        self._known[known.session_id] = self._known.pop(known.session_id)  # the one unused for the longest is first
        return known

    def keep_alive(self, session: HttpSession) -> bool:
        """Put off the end of a session that is not used; False where it has come already. Does not checkpoint."""
        transport = self._server_instances.get(session.session_id)
        idle = transport.idle_scope if transport is not None else None
        if transport is None or transport.is_terminated or idle is None or idle.cancel_called:
            return False
        if idle.deadline != inf and self.session_idle_timeout is not None:  # else a request holds it open
            idle.deadline = trio.current_time() + self.session_idle_timeout
        return True

    def opening(self, request_id: RequestId, principal: Principal, send: Send) -> Send:
        """Return what an `initialize` is to be answered through, so that its session is known from then on."""
        session: HttpSession | None = None

        async def watched(message: Message) -> None:
            nonlocal session
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
                session = await self._begun(_id_in(message["headers"]), principal)
                if session is not None:
                    session.era.asked(request_id, "initialize", None)
            elif session is not None and _has_result(message.get("body", b"")):
                session.era.answered(request_id)
            await send(message)

        return watched

    async def _begun(self, session_id: str | None, principal: Principal) -> HttpSession | None:
        """Return the session with an id; it may be used from now on, also where its `initialize` fails."""
        if session_id is None or session_id not in self._server_instances:
            return None
        if session_id not in self._known:
            caller, era = Caller(principal, next(self._numbers)), Era(self.app.server_info_stamp)
            self._known[session_id] = HttpSession(session_id, caller, era, self._limits)
            self._owned[principal] += 1
            if self._owned[principal] > self._limits.sessions:
                await self._evict(principal)
        return self._known.get(session_id)

    async def _evict(self, principal: Principal) -> None:
        """End a principal's session that nobody has used for the longest, sooner one without a request under way."""
        own = [each for each in self._known.values() if each.caller.principal == principal]
        oldest = next((each for each in own if self._idle(each)), own[0])
        log.info("http.session_evicted", connection=oldest.caller.connection, agent=principal.agent)
        await self._discard_session(oldest.session_id, self._server_instances[oldest.session_id])

    def _idle(self, session: HttpSession) -> bool:
        idle = self._server_instances[session.session_id].idle_scope
        return not session.in_flight and idle is not None and idle.deadline != inf

    async def _discard_session(self, session_id: str, transport: StreamableHTTPServerTransport) -> None:
        # Before anything is closed: nobody is to send to it any more.
        known = self._known.pop(session_id, None)
        if known is not None:
            known.end()
            self._owned[known.caller.principal] -= 1
            if not self._owned[known.caller.principal]:
                del self._owned[known.caller.principal]
            self._ended(known.caller)
        await super()._discard_session(session_id, transport)


def session_id_of(scope: Scope) -> str | None:
    """Return the session's id that a request carries."""
    return _id_in(scope["headers"])


def user_of(principal: Principal) -> AuthenticatedUser:
    """Return by what the SDK knows whose a session is: it lets nobody else use it."""
    return AuthenticatedUser(AccessToken(token="", client_id=principal.agent, scopes=[]))


def _id_in(headers: list[tuple[bytes, bytes]]) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name == _ID), None)


def _has_result(body: bytes) -> bool:
    for line in body.splitlines():
        if line.startswith(_DATA):
            try:
                message = _decode(line.removeprefix(_DATA))
            except msgspec.DecodeError:
                return False
            return isinstance(message, dict) and "result" in message
    return False
