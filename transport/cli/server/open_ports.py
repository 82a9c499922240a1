"""The TCP listeners of a server: for clients of other machines, browsers and hooks over HTTP."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Sequence
from typing import Final

import trio

from transport.access.accept_connections import Listener
from transport.access.authentication import is_loopback
from transport.config import Config
from transport.logs import Logger

log = Logger(__name__)

WS_PORT: Final = 8765
HTTP_PORT: Final = 8766

TRIES: Final = 32
"""How many ports are tried where nobody named one: as many halls of a machine find a pair by themselves."""

STEP: Final = 2
"""From one port that is tried to the next: the two listeners keep their pairs."""


class NotListening(OSError):  # noqa: N818 - states a fact about an address
    """The address cannot be had; the text says which, why, and what to do."""


def check_exposure(settings: Config) -> None:
    """See that tokens do not cross a network in the clear unless the user said so.

    Raises:
        ValueError: They would.
    """
    if is_loopback(settings.host) or settings.tls_cert is not None or settings.insecure:
        return
    raise ValueError(
        f"--host {settings.host} without TLS would show every token to the network; "
        "give --tls-cert and --tls-key, or say --insecure if something else encrypts"
    )


async def open_ports(settings: Config) -> tuple[list[trio.SocketListener], list[trio.SocketListener]]:
    """Listen for websockets, and for HTTP; a checkpoint.

    Returns:
        The listeners of each.

    Raises:
        NotListening: An address cannot be had.
    """
    ws = await _open(settings.host, settings.port, WS_PORT, "--port")
    try:
        return ws, await _open(settings.host, settings.http_port, HTTP_PORT, "--http-port")
    except OSError:
        for listener in ws:
            listener.socket.close()
        raise


async def _open(host: str, port: int | None, usual: int, flag: str) -> list[trio.SocketListener]:
    if port is not None:
        return await _listen(host, port, flag)
    for tried in range(usual, usual + STEP * TRIES, STEP):
        try:
            listeners = await _listen(host, tried, flag)
        except NotListening as error:
            if error.__cause__ is None or getattr(error.__cause__, "errno", None) != errno.EADDRINUSE:
                raise
            continue
        if tried != usual:
            log.warning("port.taken", port=usual, instead=tried)
        return listeners
    raise NotListening(f"cannot listen on {host}: {TRIES} ports from {usual} on are taken; name one with {flag}")


async def _listen(host: str, port: int, flag: str) -> list[trio.SocketListener]:
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            remedy = "choose an address of this machine with --host"
        else:
            remedy = f"choose another port with {flag}, where 0 picks a free one"
        why = f"cannot listen on {host}:{port}: {error.strerror or error}; {remedy}"
        raise NotListening(why) from error


def secured(listeners: Sequence[trio.SocketListener], tls: ssl.SSLContext | None) -> Sequence[Listener]:
    """Return the listeners, behind TLS where there is a context for it."""
    if tls is None:
        return listeners
    # HTTP clients, and many websockets', hang up without the farewell of TLS.
    return [trio.SSLListener(listener, tls, https_compatible=True) for listener in listeners]
