"""Who is told when a resource changes, in both lifecycles, and the task that tells them.

While anybody is subscribed, a look at the published views every `PERIOD_S` finds what has changed since the last one:
so however many events are appended in between, a resource is announced once. Handshake connections subscribe by
`resources/subscribe` and are told on their own channel; stateless ones hold a `subscriptions/listen` open, which the
SDK's `ListenHandler` serves from the bus.
"""

from __future__ import annotations

from typing import Final

import trio
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp_types import INVALID_REQUEST

from actors.desk.gate import Gate
from actors.kernel import ActorError
from actors.monitor.messages import Health
from transport.logs import Logger
from transport.mcp.resources import HEALTH, LOG, POLICY, canonical, check, uris_of

log = Logger(__name__)

PERIOD_S: Final = 0.1
"""How often changes are looked for; a resource is announced at most this often, which a person takes for at once."""

SUBSCRIPTIONS: Final = 1000
"""How many resources one connection may subscribe to: with the longest URI of a stream they take 3 MB."""

_SEND_S: Final = 1.0
"""How long telling one subscriber may hold up the others, in seconds."""


class _Bus(InMemorySubscriptionBus):
    @property
    def listened_to(self) -> bool:
        return bool(self._listeners)


class ResourceUpdates:
    """The subscriptions of one server's connections.

    Args:
        gate: Where changes are seen.

    Attributes:
        bus: Where `subscriptions/listen` streams are served from.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.bus = _Bus()
        self._subscribed: dict[int, dict[str, str]] = {}
        self._subscribers: dict[str, dict[int, ServerSession]] = {}
        self._seen = self._look()

    def subscribe(self, connection: int, uri: str, session: ServerSession) -> None:
        """Tell a connection of each change of a resource from now on. Does not checkpoint.

        A resource that is known by several URIs is told of by the last one.

        Raises:
            MCPError: There is no such resource, or the connection has too many subscriptions.
        """
        check(uri)
        own, resource = self._subscribed.setdefault(connection, {}), canonical(uri)
        if resource not in own and len(own) >= SUBSCRIPTIONS:
            raise MCPError(INVALID_REQUEST, f"a connection may have {SUBSCRIPTIONS} subscriptions; give some up first")
        own[resource] = uri
        self._subscribers.setdefault(resource, {})[connection] = session

    def unsubscribe(self, connection: int, uri: str) -> None:
        """Tell it no more; unknown ones are ignored. Does not checkpoint."""
        resource = canonical(uri)
        if self._subscribed.get(connection, {}).pop(resource, None) is not None:
            self._dismiss(connection, resource)

    def forget(self, connection: int) -> None:
        """Forget a connection that has ended. Does not checkpoint."""
        for resource in self._subscribed.pop(connection, {}):
            self._dismiss(connection, resource)

    def _dismiss(self, connection: int, resource: str) -> None:
        subscribers = self._subscribers[resource]
        del subscribers[connection]
        if not subscribers:
            del self._subscribers[resource]

    async def run(self) -> None:
        """Look for changes and announce them, until cancelled."""
        while True:
            await trio.sleep(PERIOD_S)
            if not self._subscribed and not self.bus.listened_to:
                self._seen = self._look()
                continue
            try:
                changed = await self._changed()
            except ActorError as error:  # the store restarts; what it holds then is compared with what was seen
                log.debug("updates.store_away", error=str(error))
            else:
                await self._announce(changed)

    def _look(self) -> tuple[int, str, Health]:
        views = self._gate.views
        return views.sequence, views.policy, views.health

    async def _changed(self) -> set[str]:
        (sequence, policy, health), now = self._seen, self._look()
        changed: set[str] = set()
        if now[0] != sequence:
            for stream in await self._gate.streams_between(sequence, now[0]):
                changed |= uris_of(stream)
            changed.add(LOG)
        if now[1] != policy:
            changed.add(POLICY)
        if (now[2].status, now[2].components) != (health.status, health.components):
            changed.add(HEALTH)
        self._seen = now
        return changed

    async def _announce(self, changed: set[str]) -> None:
        if self.bus.listened_to:
            for uri in changed:
                await self.bus.publish(ResourceUpdated(uri=uri))
        for resource in changed:
            for connection, session in list(self._subscribers.get(resource, {}).items()):
                # While one is told, another may have gone.
                known_as = self._subscribed.get(connection, {}).get(resource)
                if known_as is not None:
                    with trio.move_on_after(_SEND_S):
                        await session.send_resource_updated(known_as)
