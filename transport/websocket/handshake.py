"""From a byte stream to an accepted websocket, or to an HTTP refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio
from trio_websocket import WebSocketConnection, WebSocketRequest, wrap_server_stream

from transport.access.authentication import Authenticator, Identity, Rejected, RequestHead
from transport.access.bytes_per_principal import PrincipalBytes
from transport.access.token_file import TokenError
from transport.logs import Logger
from transport.websocket.close_frame_on_fault import send_close_frame_on_faults
from transport.websocket.contained_reader import Reader

SUBPROTOCOL: Final = "mcp"
RECEIVE_BYTES: Final = 65536
"""How much is read from a socket at once; the library's 4 KiB make large messages slow."""

log = Logger(__name__)


class Handshake:
    """Turns one stream into a websocket.

    Args:
        stream: The stream, fresh from the listener.
        authenticator: Decides who comes in.
        seat: Makes room for a client that may come in, or raises `Rejected`.
        unfinished: What principals have of unfinished messages.
        deadline_s: How long all of it may take, in seconds.
        message_bytes: The largest message.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        authenticator: Authenticator,
        seat: Callable[[Identity], None],
        unfinished: PrincipalBytes,
        *,
        deadline_s: float,
        message_bytes: int,
    ) -> None:
        self._stream = stream
        self._authenticator = authenticator
        self._seat = seat
        self._unfinished = unfinished
        self._deadline_s = deadline_s
        self._message_bytes = message_bytes

    async def run(self, nursery: trio.Nursery) -> tuple[WebSocketConnection, Identity, Reader] | None:
        """Shake hands; a checkpoint.

        Args:
            nursery: Where the websocket's reader task will live.

        Returns:
            The websocket, who it is and its reader; None where there is no connection to serve.

        Raises:
            trio_websocket.ConnectionClosed: The peer left meanwhile.
        """
        reader = Reader(nursery, self._deadline_s)
        with reader.handshake:
            request = await wrap_server_stream(
                reader.as_nursery(),
                self._stream,
                max_message_size=self._message_bytes,
                receive_buffer_size=RECEIVE_BYTES,
            )
            identity = await self._let_in(request, reader)
            if identity is not None:
                reader.attach(request, self._unfinished.of(identity.principal))
                offered = SUBPROTOCOL in request.proposed_subprotocols
                websocket = await request.accept(subprotocol=SUBPROTOCOL if offered else None)
                send_close_frame_on_faults(websocket)
                return websocket, identity, reader
        return None

    async def _let_in(self, request: WebSocketRequest, reader: Reader) -> Identity | None:
        # Host is not among the headers that the library hands out.
        host = request._event.host  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        try:
            identity = self._authenticator.authenticate(RequestHead(request.path, host, request.headers))
            self._seat(identity)
        except Rejected as rejected:
            # The target is not logged: it may hold a token.
            log.info("connection.rejected", status=rejected.status, reason=rejected.message, remote=_remote(request))
            await self._refuse(request, reader, rejected.status, rejected.message)
        except TokenError as error:
            log.error("connection.tokens_unreadable", error=str(error))  # noqa: TRY400 - its text says it all
            await self._refuse(request, reader, 503, "the server cannot read its tokens; try again later")
        else:
            return identity
        return None

    async def _refuse(self, request: WebSocketRequest, reader: Reader, status: int, message: str) -> None:
        headers = [
            (b"Content-Type", b"text/plain; charset=utf-8"),
            (b"Connection", b"close"),
            (b"X-Content-Type-Options", b"nosniff"),
            (b"Cache-Control", b"no-store"),
        ]
        if status == 401:  # noqa: PLR2004 - HTTP's own number
            headers.append((b"WWW-Authenticate", b"Bearer"))
        await request.reject(status, extra_headers=headers, body=message.encode() + b"\n")
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            await self._stream.send_eof()
            # Closing at once would reset the connection if the peer still sends, and the answer would be lost.
            with trio.move_on_after(1.0):
                await reader.ended.wait()


def _remote(request: WebSocketRequest) -> str:
    """Return where a request comes from; the library knows no peers of unix sockets."""
    try:
        return str(request.remote)
    except ValueError:
        return "a unix socket"
