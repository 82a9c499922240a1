"""Where a cancelled request ends: a cancel scope for each request that runs beside the SDK, found by the request's id.

The SDK keeps such a table of its own, for the requests that it runs.
"""

from __future__ import annotations

from typing import Any

import trio
from mcp.shared.dispatcher import coerce_request_id
from mcp.shared.jsonrpc_dispatcher import cancelled_request_id_from_params

from transport.mcp.message_parser import RequestId


class CancelScopes:
    """The scopes of one connection or session. Nothing here checkpoints."""

    def __init__(self) -> None:
        self._scopes: dict[RequestId, tuple[RequestId, trio.CancelScope]] = {}

    def open(self, request_id: RequestId) -> trio.CancelScope:
        """Return the scope that a request is to run in; `close` it in the end."""
        scope = trio.CancelScope()
        self._scopes[coerce_request_id(request_id)] = request_id, scope
        return scope

    def close(self, request_id: RequestId, scope: trio.CancelScope) -> None:
        """Forget a request that has run: nobody can cancel it any more."""
        key = coerce_request_id(request_id)
        known = self._scopes.get(key)
        if known is not None and known[1] is scope:  # ids that the SDK takes for one, such as 1 and "1", share a key
            del self._scopes[key]

    def cancel(self, params: dict[str, Any] | None) -> None:
        """Cancel the request that a `notifications/cancelled` names, if it runs here."""
        request_id = cancelled_request_id_from_params(params)
        known = self._scopes.get(coerce_request_id(request_id)) if request_id is not None else None
        if known is not None:
            known[1].cancel()

    def cancel_all(self) -> list[RequestId]:
        """Cancel every request; returns the ids of those that had not been cancelled before."""
        cancelled: list[RequestId] = []
        for request_id, scope in self._scopes.values():
            if not scope.cancel_called:
                scope.cancel()
                cancelled.append(request_id)
        return cancelled
