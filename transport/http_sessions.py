"""MCP sessions over HTTP: each is one connection to the hall, whatever sockets its requests come by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http import EventStore, StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from actors.gate import Caller
from actors.session.messages import Principal


class Sessions(StreamableHTTPSessionManager):
    """The SDK's session manager, that numbers sessions as the gateway numbers websockets.

    Args:
        server: The MCP server.
        numbers: Where the numbers come from.
        ended: Told of each session that has ended, by whoever used it first.
        message_bytes: The largest body of a request.
        event_store: Where sessions keep what a client may ask for again; None to keep nothing.
    """

    def __init__(
        self,
        server: Server[Any],
        *,
        numbers: Iterator[int],
        ended: Callable[[Caller], None],
        message_bytes: int,
        event_store: EventStore | None = None,
    ) -> None:
        super().__init__(server, event_store=event_store, max_request_body_size=message_bytes)
        self._numbers = numbers
        self._ended = ended
        self._callers: dict[str, Caller] = {}

    def caller(self, session_id: str, principal: Principal) -> Caller | None:
        """Return who asks in a session, or None where there is no such session. Does not checkpoint."""
        if session_id not in self._server_instances:
            return None
        known = self._callers.get(session_id)
        if known is None:
            known = self._callers[session_id] = Caller(principal, next(self._numbers))
        return known if known.principal == principal else None

    async def _discard_session(self, session_id: str, transport: StreamableHTTPServerTransport) -> None:
        # Before anything is closed: nobody is to send to it any more.
        known = self._callers.pop(session_id, None)
        if known is not None:
            self._ended(known)
        await super()._discard_session(session_id, transport)
