"""What every HTTP request passes before a route sees it: the names it calls us by, its token, its size.

Only then is a body read, whole and within a time; a route is given it at once. Who is refused gets the answer although
more of the request may be on its way: that is read and thrown away for a moment, since closing a connection with unread
data would reset it and the answer would be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import trio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.desk.gate import Caller
from transport.access.authentication import Authenticator, Rejected, RequestHead
from transport.access.bytes_per_principal import PrincipalBytes
from transport.access.token_file import TokenError
from transport.http.answer_headers import Answer, is_preflight
from transport.http.body import Body
from transport.http.connection import STATE, HttpConnection, HttpLimits
from transport.logs import Logger

log = Logger(__name__)

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
"""What is answered without a token."""

NOTHING_THERE: Final = "/.well-known/"
"""Under which there is nothing, token or not: clients look there for a way to get one, and 401 makes them go on."""

CHECKED_REQUEST: Final = "moothall.checked_request"
"""Where a route finds its `CheckedRequest` in the scope."""

_MORE: Final[Mapping[int, Mapping[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "1"},
}
"""What a refusal's status says besides."""

LINGER_S: Final = 1.0
"""How long the rest of a refused request is read and thrown away, in seconds."""

LINGER_PIECES: Final = 1024
"""How many pieces of it: a stranger's chunks of one byte would take all of that second."""

PIECES: Final = 16
"""After how many pieces of a body they are paid for, and others get a turn."""


class CheckedRequest(NamedTuple):
    """What a route knows of a request that was let in.

    Attributes:
        caller: Who asks.
        body: The whole body.
    """

    caller: Caller
    body: bytes


class RequestChecks:
    """The ASGI application that Hypercorn calls.

    Args:
        routes: What lies behind.
        authenticator: Decides who comes in.
        limits: The size and the time of a body.
        accepting: Says whether the server takes new work; where it does not, nothing but its health is told.
    """

    def __init__(
        self, routes: ASGIApp, authenticator: Authenticator, limits: HttpLimits, accepting: Callable[[], bool]
    ) -> None:
        self._routes = routes
        self._authenticator = authenticator
        self._limits = limits
        self._accepting = accepting
        self._body_bytes = PrincipalBytes()
        self._under_way = 0
        self._idle = trio.Event()
        self._idle.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a checkpoint. Raises nothing: what fails is logged and answered with 500.

        What a stop cuts off is answered with 503.
        """
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close"})
            return
        self._under_way += 1
        self._idle = trio.Event() if self._under_way == 1 else self._idle
        answer = Answer(send, self._accepting)
        try:
            await self._serve(scope, receive, answer)
        except Exception as error:
            if self._accepting():
                log.exception("http.crashed", path=scope["path"])
            else:
                log.info("http.cut_off_by_stop", path=scope["path"], error=repr(error))
            if not answer.begun:
                await PlainTextResponse("the server failed and logged why\n", 500)(scope, receive, answer)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def wait_idle(self) -> None:
        """Wait until no request is under way; a checkpoint."""
        await self._idle.wait()

    async def _serve(self, scope: Scope, receive: Receive, send: Answer) -> None:
        connection: HttpConnection = scope["state"][STATE]
        body = Body(self._limits.principal_bytes)
        try:
            self._check_names(scope, send)
            if is_preflight(scope["method"], scope["headers"]):
                await send.allow()
                return
            received = await self._let_in(scope, connection, receive, body)
        except Rejected as rejected:
            body.release()
            # Only the path is logged: a target may hold a token.
            log.info("http.rejected", status=rejected.status, reason=rejected.message, path=scope["path"])
            await _refuse(connection, rejected, receive, send)
        except TokenError as error:
            log.error("http.tokens_unreadable", error=str(error))  # noqa: TRY400 - its text says it all
            later = Rejected(503, "the server cannot read its tokens; try again later")
            await _refuse(connection, later, receive, send)
        else:
            await self._routes(scope, received, send)
        finally:
            body.release()

    def _check_names(self, scope: Scope, answer: Answer) -> None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
            # A proxy that goes by the other one sees other requests behind this one (RFC 9112, 6.1).
            raise Rejected(400, "send Content-Length or Transfer-Encoding, not both")
        host = next((value.decode("latin-1") for name, value in headers if name == b"host"), "")
        self._authenticator.check_names(RequestHead(scope["path"], host, headers))
        answer.origin = next((value for name, value in headers if name == b"origin"), None)

    async def _let_in(self, scope: Scope, connection: HttpConnection, receive: Receive, body: Body) -> Receive:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if scope["path"] in OPEN_PATHS:
            return _replay(await self._read(receive, headers, 0, body), receive)
        if scope["path"].startswith(NOTHING_THERE):
            raise Rejected(404, "there is nothing here; `moothall agent add NAME` makes tokens")
        identity = self._authenticator.identify(headers)
        connection.show(identity)
        body.held = self._body_bytes.of(identity.principal)
        data = await self._read(receive, headers, self._limits.message_bytes, body)
        if not self._accepting():
            raise Rejected(503, "the server stops; try again in a moment")
        scope[CHECKED_REQUEST] = CheckedRequest(Caller(identity.principal, connection.number), data)
        return _replay(data, receive)

    async def _read(self, receive: Receive, headers: list[tuple[bytes, bytes]], most: int, body: Body) -> bytes:
        too_large = Rejected(413, f"the body of this request may have {most} bytes")
        declared = next((value for name, value in headers if name == b"content-length"), b"0")
        if int(declared) > most:  # h11 has let digits pass alone
            raise too_large
        with trio.move_on_after(self._limits.body_s):
            while True:
                message = await receive()
                arrived: bytes = message.get("body", b"")
                if len(body.data) + len(arrived) > most:
                    raise too_large
                if not body.grow(arrived):
                    raise Rejected(429, "too many bytes of your requests are under way; wait for answers")
                if not message.get("more_body", False):
                    return bytes(body.data)
                if body.pieces % PIECES == 0:
                    await trio.sleep(body.held.pay_for_pieces(PIECES, trio.current_time()))
        raise Rejected(408, f"the request did not arrive within {self._limits.body_s:g} seconds")


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


async def _refuse(connection: HttpConnection, rejected: Rejected, receive: Receive, send: Send) -> None:
    headers: Mapping[str, str] = {"Connection": "close"}
    if rejected.status in _MORE:
        headers = {**headers, **_MORE[rejected.status]}
    response: Any = PlainTextResponse(f"{rejected.message}\n", rejected.status, headers)
    await send({"type": "http.response.start", "status": rejected.status, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    with trio.move_on_after(LINGER_S):
        for _ in range(LINGER_PIECES):
            if not (await receive()).get("more_body", False):
                await send({"type": "http.response.body"})
                return
    connection.cut()
