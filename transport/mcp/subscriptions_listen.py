"""`subscriptions/listen` of stateless clients: the SDK's handler, with a share for each agent.

The SDK bounds the streams of all clients together, so one agent could hold all of them and keep the others from any.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import ListenHandler, SubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_REQUEST, SubscriptionsListenRequestParams, SubscriptionsListenResult

from transport.mcp.request_context import request_context_of

OF_ALL: Final = 4096
"""How many streams there may be: as many as websockets."""

OF_AN_AGENT: Final = 256
"""How many of them one agent may hold, over all its connections: sixteen such agents leave none to others."""


class FairListenHandler(ListenHandler):
    """Serves `subscriptions/listen`.

    Args:
        bus: Where changes are announced.
    """

    def __init__(self, bus: SubscriptionBus) -> None:
        super().__init__(bus, max_subscriptions=OF_ALL)
        self._held: Counter[str] = Counter()

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve one stream until its client gives it up; checkpoints.

        Raises:
            MCPError: The agent, or all of them, have too many.
        """
        agent = request_context_of(ctx.request).caller.principal.agent
        if self._held[agent] >= OF_AN_AGENT:
            raise MCPError(INVALID_REQUEST, f"an agent may listen {OF_AN_AGENT} times at once; give some up first")
        self._held[agent] += 1
        try:
            return await super().__call__(ctx, params)
        finally:
            self._held[agent] -= 1
            if not self._held[agent]:
                del self._held[agent]
