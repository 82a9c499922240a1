"""The SDK's transport of one session, in the form of answer that each of its requests accepts.

The SDK wants every POST to accept JSON and an event stream, and answers in a session with the latter, without one with
either. Many clients that were written by hand accept one of the two; here that is enough. An answer in JSON has no room
for what comes before it: progress is not told, and nobody at the client is asked.
"""

from __future__ import annotations

from contextvars import ContextVar
from http import HTTPStatus
from typing import Final

from mcp.server.streamable_http import StreamableHTTPServerTransport, check_accept_headers
from starlette.requests import Request
from starlette.types import Message, Scope, Send

JSON_ALONE: Final[ContextVar[bool]] = ContextVar("json_alone", default=False)
"""Whether the request that runs in this context accepts JSON and no event stream."""

_ACCEPT: Final = b"accept"
_TYPE: Final = b"content-type"


class SessionTransport(StreamableHTTPServerTransport):
    """The transport of one session; each request runs in a context of its own."""

    @property
    def is_json_response_enabled(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the answer to the request that asks is JSON."""
        return JSON_ALONE.get()

    @is_json_response_enabled.setter
    def is_json_response_enabled(self, _value: bool) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Ignore what the SDK sets for the whole session."""

    async def _validate_accept_header(self, request: Request, scope: Scope, send: Send) -> bool:
        has_json, has_stream = check_accept_headers(request)
        return has_json or has_stream or await super()._validate_accept_header(request, scope, send)


def accepts(scope: Scope) -> tuple[bool, bool]:
    """Say whether a request accepts JSON, and whether it accepts an event stream. Does not checkpoint."""
    return check_accept_headers(Request(scope))


def accepting_both(scope: Scope) -> Scope:
    """Return a request that accepts both, as the SDK wants it. Does not checkpoint."""
    rest = [header for header in scope["headers"] if header[0] != _ACCEPT]
    return {**scope, "headers": [*rest, (_ACCEPT, b"application/json, text/event-stream")]}


def in_event_stream(send: Send) -> Send:
    """Return what passes on an answer in JSON as an event stream of one message; errors stay as they are."""
    wraps = False

    async def passed(message: Message) -> None:
        nonlocal wraps
        if message["type"] == "http.response.start":
            headers: list[tuple[bytes, bytes]] = message["headers"]
            wraps = message["status"] == HTTPStatus.OK and (_TYPE, b"application/json") in headers
            if wraps:
                rest = [header for header in headers if header[0] not in {_TYPE, b"content-length"}]
                message = {**message, "headers": [*rest, (_TYPE, b"text/event-stream")]}
        elif wraps:
            message = {**message, "body": b"event: message\r\ndata: %s\r\n\r\n" % message.get("body", b"")}
        await send(message)

    return passed
