"""How a hook asks the hall: one request of HTTP over its unix socket, or to the URL that the user named.

Imports nothing that a hook cannot afford; only for a websocket's URL, where a hall elsewhere is asked, it takes the
client and Trio.
"""

from __future__ import annotations

import json
from _socket import AF_UNIX, SOCK_STREAM
from _socket import socket as PlainSocket  # noqa: N812 - what `socket` wraps; that takes 4 ms to import

from transport.access.peer_credentials import check_peer
from transport.access.token_text import token_in, without_secrets
from transport.cli.agents.plain_http import post
from transport.discovery.hall import Hall
from transport.discovery.server_file import SOCKET_GONE
from transport.hooks.hook_answer import Unusable
from transport.hooks.hook_event import failed

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Any, Final

_OK: Final = 200
_LARGE: Final = frozenset({"tool_input", "tool_response", "transcript_path", "prompt", "last_assistant_message"})
"""What a hook is given of a call that is over, and the hall has no use for."""

_PORTS: Final = {"http": 80, "https": 443}


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
    if hall.url is not None and hall.url.startswith(("ws://", "wss://")):
        return _ask_by_websocket(hall, question, timeout_s)
    return _posted(hall, "/v1/validate", question, timeout_s)


def tell_hall(hall: Hall, agent: str, event: dict[str, Any], timeout_s: float) -> None:
    """Tell a hall what happened, as the agent's hook tells it; one that has only a websocket is told nothing.

    Args:
        hall: Whom to tell.
        agent: Whose hook it is.
        event: What the hook was given, without what the tool gave back.
        timeout_s: How long each step may take, in seconds.

    Raises:
        Unusable: There is no answer.
        ValueError: The token or the URL is invalid.
    """
    if hall.url is None or not hall.url.startswith(("ws://", "wss://")):
        kept = {name: value for name, value in event.items() if name not in _LARGE}
        _posted(hall, f"/v1/hooks/{agent}", {**kept, "tool_response": {"error": failed(event)}}, timeout_s)


def _posted(hall: Hall, path: str, question: dict[str, Any], timeout_s: float) -> tuple[int, Any]:
    token = token_in(hall.token) if hall.token else None
    place = hall.sockets.http_socket if hall.sockets is not None else without_secrets(hall.url or "")
    host = "localhost" if hall.sockets is not None else place.partition("://")[2].partition("/")[0]
    body = json.dumps(question).encode()
    try:
        connected = _connected(hall, timeout_s)
        try:
            status, content = post(connected, host, path, token, body)
        finally:
            connected.close()
    except OSError as error:
        remedy = SOCKET_GONE if isinstance(error, FileNotFoundError) else "is `moothall serve` running?"
        raise Unusable(f"no answer from {place} ({error!s:.300}); {remedy}") from error
    return status, _decoded(content)


def _connected(hall: Hall, timeout_s: float) -> PlainSocket:
    """Return a connection to a hall; at the other end of a unix socket a process of its owner answers."""
    if hall.sockets is None:
        return _connected_to(hall, timeout_s)
    connected, path = PlainSocket(AF_UNIX, SOCK_STREAM), hall.sockets.http_socket
    try:
        connected.settimeout(timeout_s)
        connected.connect(path)
        check_peer(connected, hall.owner, path)
    except BaseException:
        connected.close()
        raise
    return connected


def _connected_to(hall: Hall, timeout_s: float) -> PlainSocket:
    import socket  # noqa: PLC0415 - most halls are on this machine, and need no URL
    from urllib.parse import urlsplit  # noqa: PLC0415 - most halls are on this machine, and need no URL

    where = urlsplit(hall.url or "")
    if where.scheme not in _PORTS or not where.hostname:
        raise ValueError(
            f"{without_secrets(hall.url or '')!r} is no address of a hall; write ws://HOST:PORT/mcp or http://HOST:PORT"
        )
    connected = socket.create_connection((where.hostname, where.port or _PORTS[where.scheme]), timeout_s)
    if where.scheme == "http":
        return connected
    from transport.access.tls import client_context  # noqa: PLC0415 - most halls are on this machine, without TLS

    try:
        return client_context(hall.tls_ca).wrap_socket(connected, server_hostname=where.hostname)
    except BaseException:
        connected.close()
        raise


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
