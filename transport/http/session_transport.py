"""The SDK's transport of one session, in the form of answer that each of its requests accepts.

The SDK wants every POST to accept JSON and an event stream, and answers with the latter. Many clients that were written
by hand accept one of the two; here that is enough. An answer in JSON has no room for what comes before it: progress is
not told, and nobody at the client is asked.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from mcp.server.streamable_http import StreamableHTTPServerTransport, check_accept_headers
from starlette.requests import Request
from starlette.types import Scope, Send

JSON_ALONE: Final[ContextVar[bool]] = ContextVar("json_alone", default=False)
"""Whether the request that runs in this context accepts JSON and no event stream."""


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


def accepts_json_alone(scope: Scope) -> bool:
    """Say whether a request accepts JSON and no event stream. Does not checkpoint."""
    return check_accept_headers(Request(scope)) == (True, False)
