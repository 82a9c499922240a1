"""How a hook asks the hall: one request of HTTP over its unix socket, or to the URL that the user named.

Imports nothing that a hook cannot afford; only for a websocket's URL, where a hall elsewhere is asked, it takes the
client and Trio.
"""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from transport.access.peer_credentials import check_peer
from transport.access.token_text import token_in, without_secrets
from transport.discovery.find_hall import Hall
from transport.discovery.server_file import SOCKET_GONE
from transport.hooks.hook_answer import Unusable

MOST_ANSWER_BYTES: Final = 1 << 20
"""How much of an answer is read; a verdict has a few hundred bytes."""

_OK: Final = 200


class _UnixConnection(HTTPConnection):
    """HTTP over a unix socket, at the other end of which a process of this user must be.

    Args:
        path: The socket's path.
        owner: The user's id.
        timeout_s: How long each step may take, in seconds.
    """

    def __init__(self, path: str, owner: int, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path
        self._owner = owner

    def connect(self) -> None:
        """Connect, and see who answers before anything is said."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
        check_peer(self.sock, self._owner, self._path)


def ask_hall(hall: Hall, question: dict[str, Any], timeout_s: float) -> tuple[int, Any]:
    """Ask for a verdict; return the status of HTTP, and the answer's content.

    Args:
        hall: Whom to ask.
        question: What; as `POST /v1/validate` takes it.
        timeout_s: How long each step may take, in seconds.

    Raises:
        Unusable: There is no answer that can be used.
        ValueError: The token or the URL is invalid.
    """
    if hall.url is not None and urlsplit(hall.url).scheme in {"ws", "wss"}:
        return _ask_by_websocket(hall, question, timeout_s)
    headers = {"Content-Type": "application/json"}
    if hall.token:
        headers["Authorization"] = f"Bearer {token_in(hall.token)}"
    connection, place = _connection(hall, timeout_s)
    try:
        connection.request("POST", "/v1/validate", json.dumps(question).encode(), headers)
        response = connection.getresponse()
        content = response.read(MOST_ANSWER_BYTES + 1)
    except (OSError, HTTPException) as error:
        remedy = SOCKET_GONE if isinstance(error, FileNotFoundError) else "is `moothall serve` running?"
        raise Unusable(f"no answer from {place} ({error!s:.300}); {remedy}") from error
    finally:
        connection.close()
    if len(content) > MOST_ANSWER_BYTES:
        raise Unusable(f"{place} answered with more than {MOST_ANSWER_BYTES} bytes; is that a hall?")
    return response.status, _decoded(content)


def _connection(hall: Hall, timeout_s: float) -> tuple[HTTPConnection, str]:
    if hall.sockets is not None:
        path = hall.sockets.http_socket
        return _UnixConnection(path, hall.owner, timeout_s), path
    where = urlsplit(hall.url or "")
    host, place = where.hostname or "", where.netloc.rpartition("@")[2]
    if where.scheme == "http" and host:
        return HTTPConnection(host, where.port, timeout=timeout_s), place
    if where.scheme == "https" and host:
        from transport.access.tls import client_context  # noqa: PLC0415 - most halls are on this machine, without TLS

        return HTTPSConnection(host, where.port, timeout=timeout_s, context=client_context(hall.tls_ca)), place
    raise ValueError(
        f"{without_secrets(hall.url or '')!r} is no address of a hall; write ws://HOST:PORT/mcp or http://HOST:PORT"
    )


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace").strip()[:200]


def _ask_by_websocket(hall: Hall, question: dict[str, Any], timeout_s: float) -> tuple[int, Any]:
    import msgspec  # noqa: PLC0415 - most halls are on this machine, and need none of this
    import trio  # noqa: PLC0415 - likewise

    from transport.client import HallError, connect  # noqa: PLC0415 - likewise

    async def ask() -> Any:
        with trio.fail_after(timeout_s):
            async with connect(hall.url or "", token=hall.token, tls_ca=hall.tls_ca, patience_s=0) as client:
                return msgspec.to_builtins(await client.validate(**question))

    try:
        return _OK, trio.run(ask)
    except (HallError, trio.TooSlowError) as error:
        raise Unusable(f"no answer from {without_secrets(hall.url or '')} ({error!s:.300})") from error
