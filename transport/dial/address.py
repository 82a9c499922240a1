"""Where a hall is, how to connect to it, and what may come of it. Imports no more than a bridge can afford."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

import anyio
from anyio.abc import ByteStream, SocketAttribute

from transport.access.peer_credentials import check_peer
from transport.access.token_text import token_in, without_secrets
from transport.discovery.hall import Hall
from transport.discovery.server_file import SOCKET_GONE

_PORTS: Final = {"ws": 80, "wss": 443}

Dial = Callable[[], Awaitable[ByteStream]]


class Lost(Exception):  # noqa: N818 - states a fact about a connection
    """The connection has ended, or there is none.

    Args:
        why: In words.
        code: The close code, where the server gave one.
    """

    def __init__(self, why: str, code: int | None = None) -> None:
        super().__init__(why)
        self.code = code


class Refused(Exception):  # noqa: N818 - states a fact about a connection
    """The server does not let us in.

    Args:
        host: Who refuses.
        status: The HTTP status.
        body: What the server says about it.
    """

    def __init__(self, host: str, status: int, body: str) -> None:
        super().__init__(f"{host} answered HTTP {status}: {body or 'nothing more; is that the websocket of a hall?'}")
        self.status = status

    @property
    def for_good(self) -> bool:
        """Whether another attempt would be refused too."""
        return self.status < 500  # noqa: PLR2004 - HTTP's own number


class Address(NamedTuple):
    """Where to connect, and as whom.

    Attributes:
        url: `ws://HOST:PORT/mcp` or `wss://HOST:PORT/mcp`.
        token: Sent as a bearer token, if any.
        tls_ca: The file with what to trust the server by; None for what the system trusts.
        socket: The path of the unix socket that is used instead of the URL's host and port.
        owner: The id of the user whose process must answer on that socket.
    """

    url: str
    token: str | None = None
    tls_ca: str | Path | None = None
    socket: str | None = None
    owner: int = -1

    @classmethod
    def of(cls, hall: Hall) -> Address:
        """Return the address of a hall that was found."""
        if hall.sockets is None:
            return cls(hall.url or "", hall.token, hall.tls_ca)
        return cls("ws://localhost/mcp", hall.token, None, hall.sockets.ws_socket, hall.owner)

    @property
    def host(self) -> str:
        """Host and port as HTTP's Host says them."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return self.socket or self.host

    @property
    def target(self) -> str:
        """Path and query."""
        where = urlsplit(self.url)
        return f"{where.path}?{where.query}" if where.query else where.path

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that say as whom to connect.

        Raises:
            ValueError: The token is not one.
        """
        return [] if self.token is None else [(b"Authorization", f"Bearer {token_in(self.token)}".encode())]

    def endpoint(self) -> tuple[str, int]:
        """Return the host's name and the port.

        Raises:
            ValueError: The URL is invalid.
        """
        with suppress(ValueError):  # of an invalid host or port
            where = urlsplit(self.url)
            port = where.port
            if where.scheme in _PORTS and where.hostname is not None:
                return where.hostname, port if port is not None else _PORTS[where.scheme]
        raise ValueError(
            f"{without_secrets(self.url)!r} is no address of a hall; write ws://HOST:PORT/mcp or wss://HOST:PORT/mcp"
        )

    async def dial(self) -> ByteStream:
        """Connect, and shake TLS's hands where it is `wss`; a checkpoint.

        Raises:
            ValueError: The URL is invalid, or the CA's file cannot be used.
            OSError: Nobody answers there, or nobody to be trusted.
        """
        if self.socket is not None:
            return await _dial_unix(self.socket, self.owner)
        host, port = self.endpoint()
        if urlsplit(self.url).scheme == "ws":
            return await anyio.connect_tcp(host, port)
        from transport.access.tls import client_context  # noqa: PLC0415 - most halls are on this machine, without TLS

        context = client_context(self.tls_ca)
        return await anyio.connect_tcp(host, port, ssl_context=context, tls_standard_compatible=False)


async def _dial_unix(path: str, owner: int) -> ByteStream:
    """Connect to a unix socket, and see whose process answers before anything is said; a checkpoint."""
    stream = await anyio.connect_unix(path)
    try:
        check_peer(stream.extra(SocketAttribute.raw_socket), owner, path)  # noqa: S610 - not Django
    except OSError:
        await anyio.aclose_forcefully(stream)
        raise
    return stream


def in_short(error: BaseException) -> str:
    """Return what went wrong; anyio says `All connection attempts failed` and keeps why to itself."""
    root = _root(error)
    return str(root) or type(root).__name__


def remedy(error: BaseException) -> str:
    """Return what to do about a connection that could not be made."""
    root = _root(error)
    if isinstance(root, ssl.SSLCertVerificationError):
        return "name the file to trust it by with --tls-ca or MOOTHALL_TLS_CA"
    if isinstance(root, ssl.SSLError):
        return "a hall without TLS takes ws:// and http://"
    if isinstance(root, FileNotFoundError):
        return SOCKET_GONE
    return "is `moothall serve` running?"


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, BaseExceptionGroup):
        return _root(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    return error
