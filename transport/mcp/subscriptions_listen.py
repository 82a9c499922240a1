"""`subscriptions/listen` of stateless clients: the SDK's handler, with a share for each principal.

The SDK bounds the streams of all clients together, so one agent could hold all of them and keep the others from any.
"""

from __future__ import annotations

from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import ListenHandler, SubscriptionBus
from mcp_types import SubscriptionsListenRequestParams, SubscriptionsListenResult

from actors.desk.gate import Refusal
from actors.desk.shares import Share
from transport.mcp.in_flight import too_many
from transport.mcp.request_context import request_context_of
from transport.mcp.resources import check_readable, stream_of

OF_ALL: Final = 1 << 16
"""How many streams the SDK allows: more than the shares do, so that it never refuses an admin."""


class FairListenHandler(ListenHandler):
    """Serves `subscriptions/listen`.

    Args:
        bus: Where changes are announced.
        share: How many streams a principal may have.
    """

    def __init__(self, bus: SubscriptionBus, share: Share) -> None:
        super().__init__(bus, max_subscriptions=OF_ALL)
        self._share = share

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve one stream until its client gives it up; checkpoints.

        Raises:
            MCPError: The principal, or all of them, have too many, or it listens for what it may not read.
        """
        principal = request_context_of(ctx.request).caller.principal
        for uri in params.notifications.resource_subscriptions or ():
            if stream_of(uri) is not None:  # others that there are not are left to the handler
                check_readable(uri, principal.role)
        try:
            self._share.take(principal)
        except Refusal as refusal:
            raise too_many(refusal) from None
        try:
            return await super().__call__(ctx, params)
        finally:
            self._share.give_back(principal)
