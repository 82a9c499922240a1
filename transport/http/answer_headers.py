"""What every answer says besides its content: that nobody may keep it or guess its type, and which page may read it.

A browser lets a page read an answer of another origin only where the answer names that origin, and asks beforehand
(a preflight) whether the page may send a token at all. Origins that may not connect never get this far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Final

from starlette.types import Message, Send

_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
_NO_STORE: Final[tuple[bytes, bytes]] = (b"cache-control", b"no-store")
_NO_STORE_OF_A_STREAM: Final = (b"cache-control", b"no-store, no-transform")
_COME_BACK: Final = ((b"connection", b"close"), (b"retry-after", b"1"))
_FAILED: Final = HTTPStatus.INTERNAL_SERVER_ERROR.value
_EVENT_STREAM: Final = b"text/event-stream"

_READABLE: Final = (
    (b"access-control-expose-headers", b"Mcp-Session-Id, Retry-After, WWW-Authenticate"),
    (b"vary", b"Origin"),
)
_SENT_BY_PAGES: Final = (
    b"Accept, Authorization, Content-Type, Last-Event-ID, Mcp-Method, Mcp-Name, Mcp-Protocol-Version, Mcp-Session-Id"
)
_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"GET, POST, DELETE"),
    (b"access-control-allow-headers", _SENT_BY_PAGES),
    (b"access-control-max-age", b"600"),
)


class Answer:
    """Passes on what is sent, with the headers that every answer has.

    Args:
        send: Where it goes.
        accepting: Says whether the server takes new work: what fails while it stops was cut off, and is 503.

    Attributes:
        begun: Whether anything was sent.
        origin: The page's origin, where it may read the answer; None for what is not a page.
    """

    def __init__(self, send: Send, accepting: Callable[[], bool]) -> None:
        self._send = send
        self._accepting = accepting
        self.begun = False
        self.origin: bytes | None = None

    async def __call__(self, message: Message) -> None:
        """Send a message of ASGI; a checkpoint."""
        if message["type"] == "http.response.start":
            message = {**message, "headers": self._headers(message.get("headers", ()))}
            if message["status"] == _FAILED and not self._accepting():
                message["status"] = HTTPStatus.SERVICE_UNAVAILABLE.value
                message["headers"] += _COME_BACK
        self.begun = True
        await self._send(message)

    async def allow(self) -> None:
        """Answer a preflight: the page may send the request that it asks about; a checkpoint."""
        await self({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
        await self({"type": "http.response.body"})

    def _headers(self, own: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers: list[tuple[bytes, bytes]] = [_NOSNIFF]
        keep = _NO_STORE
        for header in own:
            name, value = header
            if name == b"content-type" and value.startswith(_EVENT_STREAM):
                keep = _NO_STORE_OF_A_STREAM
            if name != b"cache-control":
                headers.append(header)
        headers.append(keep)
        if self.origin is not None:
            headers += ((b"access-control-allow-origin", self.origin), *_READABLE)
        return headers


def is_preflight(method: str, headers: list[tuple[bytes, bytes]]) -> bool:
    """Say whether a request is a browser's question whether a page may send another one."""
    return method == "OPTIONS" and {b"origin", b"access-control-request-method"} <= {name for name, _ in headers}
