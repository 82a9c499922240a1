"""Who is told when a resource changes, in both lifecycles, and the task that tells them.

While anybody is subscribed, a look at the published views every `PERIOD_S` finds what has changed since the last one:
so however many events are appended in between, a resource is announced once. Handshake connections subscribe by
`resources/subscribe` and are told on their own channel; stateless ones hold a `subscriptions/listen` open, which the
SDK's `ListenHandler` serves from the bus.

Each principal is told by a task of its own, which lasts while there is something to tell it: one whose client does not
read holds up nobody else, and learns of what changes meanwhile once it reads on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import trio
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp_types import INVALID_REQUEST

from actors.desk.gate import Caller, Gate, Refusal
from actors.kernel import ActorError
from actors.monitor.messages import Health
from actors.session.messages import Principal
from transport.logs import Logger
from transport.mcp.in_flight import too_many
from transport.mcp.resources import HEALTH, LOG, POLICY, canonical, check, uris_of

log = Logger(__name__)

PERIOD_S: Final = 0.1
"""How often changes are looked for; a resource is announced at most this often, which a person takes for at once."""

SUBSCRIPTIONS: Final = 1000
"""How many resources one connection may subscribe to: with the longest URI of a stream they take 3 MB."""

_SEND_S: Final = 1.0
"""How long telling one connection of one change may hold up its principal's others, in seconds."""


class _Subscription(NamedTuple):
    """Whose it is, and the URI by which it knows the resource."""

    principal: Principal
    uri: str


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
        self._subscribed: dict[int, dict[str, _Subscription]] = {}
        self._subscribers: dict[str, dict[int, ServerSession]] = {}
        self._untold: dict[Principal, set[str]] = {}
        self._seen = self._look()

    def subscribe(self, caller: Caller, uri: str, session: ServerSession) -> None:
        """Tell a caller's connection of each change of a resource from now on. Does not checkpoint.

        A resource that is known by several URIs is told of by the last one.

        Raises:
            MCPError: There is no such resource, or the connection or its principal has too many subscriptions.
        """
        check(uri)
        connection, principal = caller.connection, caller.principal
        own, resource = self._subscribed.get(connection, {}), canonical(uri)
        if resource not in own and len(own) >= SUBSCRIPTIONS:
            raise MCPError(INVALID_REQUEST, f"a connection may have {SUBSCRIPTIONS} subscriptions; give some up first")
        self.unsubscribe(connection, uri)
        try:
            self._gate.shares.subscriptions.take(principal)
        except Refusal as refusal:
            raise too_many(refusal) from None
        # Only now: as long as anybody is in here, the store is asked for what has changed.
        self._subscribed.setdefault(connection, {})[resource] = _Subscription(principal, uri)
        self._subscribers.setdefault(resource, {})[connection] = session

    def unsubscribe(self, connection: int, uri: str) -> None:
        """Tell it no more; unknown ones are ignored. Does not checkpoint."""
        own, resource = self._subscribed.get(connection, {}), canonical(uri)
        if (given_up := own.pop(resource, None)) is not None:
            if not own:
                del self._subscribed[connection]
            self._dismiss(connection, resource, given_up)

    def forget(self, connection: int) -> None:
        """Forget a connection that has ended. Does not checkpoint."""
        for resource, given_up in self._subscribed.pop(connection, {}).items():
            self._dismiss(connection, resource, given_up)

    def _dismiss(self, connection: int, resource: str, given_up: _Subscription) -> None:
        self._gate.shares.subscriptions.give_back(given_up.principal)
        subscribers = self._subscribers[resource]
        del subscribers[connection]
        if not subscribers:
            del self._subscribers[resource]

    async def run(self) -> None:
        """Look for changes and announce them, until cancelled."""
        self._untold.clear()
        async with trio.open_nursery() as nursery:
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
                    await self._announce(changed, nursery)

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

    async def _announce(self, changed: set[str], nursery: trio.Nursery) -> None:
        if self.bus.listened_to:
            for uri in changed:
                await self.bus.publish(ResourceUpdated(uri=uri))
        for resource in changed:
            subscribers = self._subscribers.get(resource, {})
            for principal in {self._subscribed[connection][resource].principal for connection in subscribers}:
                if principal in self._untold:  # its task is at work, and comes to this too
                    self._untold[principal].add(resource)
                else:
                    self._untold[principal] = {resource}
                    nursery.start_soon(self._tell, principal)

    async def _tell(self, principal: Principal) -> None:
        while resources := self._untold.pop(principal):
            self._untold[principal] = set()
            for resource in resources:
                for connection, session in list(self._subscribers.get(resource, {}).items()):
                    # While one is told, another may have gone.
                    own = self._subscribed.get(connection, {}).get(resource)
                    if own is not None and own.principal == principal:
                        with trio.move_on_after(_SEND_S):
                            await session.send_resource_updated(own.uri)
