"""The monitor: hears of crashes and publishes the health of the hall once a second, and at once after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import trio

from actors.kernel import Actor, ActorNotFound, Reply
from actors.monitor.messages import Component, Crashed, Health, Messages, Status
from actors.session.messages import SUPERVISOR as SESSIONS

PERIOD_S = 1.0
"""How often health is published."""

DEGRADED_S = 60.0
"""How long a component that crashed is reported as degraded."""

_WORST_FIRST: tuple[Status, ...] = ("failing", "degraded", "ok")


class Crash(NamedTuple):
    """When a component crashed last, on Trio's clock, and of what."""

    at: float
    error: str


NEVER = Crash(float("-inf"), "")


class MonitorMemory(NamedTuple):
    """What outlives the monitor's own crashes: when the hall began, and who has crashed since."""

    began: float
    crashes: dict[str, Crash]


class HallViews(Protocol):
    """The published views that health is made of, and is one of; see `actors/views.py`.

    Attributes:
        health: The health of the hall.
    """

    health: Health

    @property
    def sequence(self) -> int:
        """The committed watermark."""
        ...

    @property
    def connections(self) -> int:
        """How many connections are open."""
        ...

    @property
    def trouble(self) -> Mapping[str, str]:
        """What keeps an actor, or what stands before the hall, from doing all of its work, by name."""
        ...


class Monitor(Actor):
    """Publishes health.

    Args:
        views: Where health is published.
        components: The names of the actors that must run.
        memory: What it knows from its earlier incarnations.
        warnings: What is wrong with how the hall was started, by component; it is degraded as long as it runs.
    """

    accepts = Messages
    overflow = "drop_oldest"

    def __init__(
        self,
        views: HallViews,
        components: tuple[str, ...],
        memory: MonitorMemory,
        warnings: Mapping[str, str] | None = None,
    ) -> None:
        self._views = views
        self._components = components
        self._began = memory.began
        self._crashes = memory.crashes
        self._warnings = {name: Component("degraded", why) for name, why in (warnings or {}).items()}

    async def on_start(self) -> None:
        """Begin to publish."""
        self.nursery.start_soon(self._publish_periodically)

    async def handle(self, message: Crashed, reply: Reply) -> None:
        """Note a crash."""
        if message.name in self._components:
            self._crashes[message.name] = Crash(trio.current_time(), message.error)
            self._publish()

    async def _publish_periodically(self) -> None:
        while True:
            self._publish()
            await trio.sleep(PERIOD_S)

    def _publish(self) -> None:
        components = {name: self._component(name) for name in self._components} | self._besides() | self._warnings
        self._views.health = Health(
            status=self._worst(components),
            version=self._views.health.version,
            uptime_s=round(trio.current_time() - self._began, 3),
            sequence=self._views.sequence,
            sessions=self._sessions(),
            connections=self._views.connections,
            components=components,
        )

    @staticmethod
    def _worst(components: dict[str, Component]) -> Status:
        present = {each.status for each in components.values()}
        for status in _WORST_FIRST:
            if status in present:
                return status
        return "ok"

    def _besides(self) -> dict[str, Component]:
        """Return the troubles of what is no actor of the hall, such as the sockets before it."""
        trouble = self._views.trouble.items()
        return {name: Component("degraded", why) for name, why in trouble if name not in self._components}

    def _component(self, name: str) -> Component:
        if name != self.name and name not in self.system.mailboxes:
            return Component("failing", "not running; its supervisor restarts it")
        if name in self._views.trouble:
            return Component("degraded", self._views.trouble[name])
        crashed_at, error = self._crashes.get(name, NEVER)
        ago_s = trio.current_time() - crashed_at
        if ago_s < DEGRADED_S:
            return Component("degraded", f"restarted after a crash {ago_s:.0f} s ago: {error}")
        return Component("ok", "")

    def _sessions(self) -> int:
        try:
            return len(self.system.supervisors.find(SESSIONS).children())
        except ActorNotFound:
            return 0
