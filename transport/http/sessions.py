"""MCP sessions over HTTP: each is one connection to the hall, whatever sockets its requests come by.

The SDK tells nobody how an `initialize` ended, so its answer is read along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from http import HTTPStatus
from math import inf
from typing import Any, Final, Literal
from uuid import uuid4

import msgspec
import trio
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, AuthorizationContext
from mcp.server.auth.provider import AccessToken
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER, EventStore, StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from starlette.types import Message, Scope, Send

from actors.desk.gate import Caller
from actors.session.messages import Principal
from transport.access.authentication import PATH
from transport.http.connection import HttpLimits
from transport.http.reopened_sessions import (
    GIVEN_OUT,
    HANDSHAKE_S,
    HELLO_ID,
    EndedSessions,
    ReopeningTurns,
    body_of,
    dropped,
    handshake,
)
from transport.http.session import HttpSession
from transport.http.session_transport import JSON_ALONE, SessionTransport
from transport.logs import Logger
from transport.mcp.message_parser import RequestId
from transport.mcp.protocol_era import Era

log = Logger(__name__)

SESSION_ID: Final = MCP_SESSION_ID_HEADER.encode()
VERSION: Final = MCP_PROTOCOL_VERSION_HEADER.encode()
_DATA: Final = b"data: "
_REOPENED_AS: Final[ContextVar[str | None]] = ContextVar("reopened_as", default=None)
"""The id of the session that this context begins again."""

HttpSessions = Literal["strict", "reopen"]
"""What becomes of a request that names a session which is not known: 404, or a session under that id."""

_decode = msgspec.json.Decoder().decode


class Sessions(StreamableHTTPSessionManager):
    """The SDK's session manager, that numbers sessions as the gateway numbers websockets.

    Args:
        server: The MCP server.
        numbers: Where the numbers come from.
        ended: Told of each session that has ended.
        limits: What a session may use, and how many a principal may have.
        unknown: What becomes of a request that names a session which is not known.
        event_store: Where sessions keep what a client may ask for again; None to keep nothing.
    """

    def __init__(
        self,
        server: Server[Any],
        *,
        numbers: Iterator[int],
        ended: Callable[[Caller], None],
        limits: HttpLimits,
        unknown: HttpSessions = "reopen",
        event_store: EventStore | None = None,
    ) -> None:
        super().__init__(server, event_store=event_store, max_request_body_size=limits.message_bytes)
        self._numbers = numbers
        self._ended = ended
        self._limits = limits
        self._known: dict[str, HttpSession] = {}
        self._owned: Counter[Principal] = Counter()
        self._unknown: HttpSessions = unknown
        self._reopening = ReopeningTurns()
        self._ended_by_clients = EndedSessions()

    @property
    def json_response(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the answer to the request that asks is JSON."""
        return JSON_ALONE.get()

    @json_response.setter
    def json_response(self, _value: bool) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Ignore what the SDK sets for all sessions."""

    def find(self, scope: Scope, principal: Principal) -> HttpSession | None:
        """Return the session that a request names, if it is one of this principal's. Does not checkpoint."""
        session_id = session_id_of(scope)
        known = self._known.get(session_id) if session_id is not None else None
        if known is None or known.caller.principal != principal:
            return None
        self._known[known.session_id] = self._known.pop(known.session_id)  # the one unused for the longest is first
        return known

    def may_reopen(self, scope: Scope, principal: Principal) -> bool:
        """Say whether a request may begin the session that it names, which is not known. Does not checkpoint."""
        session_id = session_id_of(scope)
        return (
            self._unknown == "reopen"
            and session_id is not None
            and session_id not in self._known
            and GIVEN_OUT.fullmatch(session_id) is not None
            and (principal, session_id) not in self._ended_by_clients
        )

    async def reopen(self, scope: Scope, principal: Principal) -> HttpSession | None:
        """Return the session that a request names, begun again where it `may_reopen`; None where there is none.

        A checkpoint.

        Raises:
            Refusal: Too many of the principal's sessions are begun again before it.
        """
        async with self._reopening.of(principal):
            session_id = session_id_of(scope)
            if session_id is None or session_id in self._server_instances:  # another request was faster
                return self.find(scope, principal)
            log.info("http.session_reopened", agent=principal.agent)
            with trio.move_on_after(HANDSHAKE_S):
                await self._shake_hands(session_id, principal, header_of(scope["headers"], VERSION))
            return self.find(scope, principal)

    async def _shake_hands(self, session_id: str, principal: Principal, version: str | None) -> None:
        hello, initialized = handshake(version)
        before = _REOPENED_AS.set(session_id)
        try:
            opening = self.opening(HELLO_ID, principal, dropped)
            await self.handle_request(_own_request(principal, []), body_of(hello), opening)
        finally:
            _REOPENED_AS.reset(before)
        own_id = [(SESSION_ID, session_id.encode())]
        await self.handle_request(_own_request(principal, own_id), body_of(initialized), dropped)

    def end_for_good(self, scope: Scope, principal: Principal) -> None:
        """Note that a client ends a session: it is never begun again. Does not checkpoint.

        An id that is neither one of its sessions nor could be begun again is not noted.
        """
        session_id = session_id_of(scope)
        if session_id is not None and (self.find(scope, principal) or self.may_reopen(scope, principal)):
            self._ended_by_clients.add(principal, session_id)

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

    def _admit_session(self, requestor: AuthorizationContext | None) -> StreamableHTTPServerTransport | None:
        if self.max_sessions is not None and len(self._server_instances) >= self.max_sessions:
            return None
        session_id = _REOPENED_AS.get() or uuid4().hex
        if session_id in self._server_instances:  # another principal was faster to begin one under this id
            return None
        transport = SessionTransport(
            session_id,
            event_store=self.event_store,
            security_settings=self.security_settings,
            retry_interval=self.retry_interval,
            idle_timeout=self.session_idle_timeout,
        )
        if requestor is not None:
            self._session_owners[session_id] = requestor
        self._server_instances[session_id] = transport
        return transport

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
    return header_of(headers, SESSION_ID)


def header_of(headers: list[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    """Return the value of the first header of a name, None where there is none."""
    return next((value.decode("latin-1") for name, value in headers if name == wanted), None)


def _own_request(principal: Principal, headers: list[tuple[bytes, bytes]]) -> Scope:
    """Return a POST of the server's own, in the name of a principal."""
    own = [*headers, (b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]
    return {"type": "http", "method": "POST", "path": PATH, "headers": own, "user": user_of(principal)}


def _has_result(body: bytes) -> bool:
    for line in body.splitlines():
        if line.startswith(_DATA):
            try:
                message = _decode(line.removeprefix(_DATA))
            except msgspec.DecodeError:
                return False
            return isinstance(message, dict) and "result" in message
    return False
