"""The composition root: the hall and the gateway under one root supervisor, with the real ports to the outside."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import structlog
import trio

from actors.hall import STOP_S, Hall
from actors.kernel import ChildSpec, Supervisor, System, running
from actors.ports import Ports
from actors.session.admission import LIMITS
from actors.session.messages import Limits, Role
from actors.speed_layer.policy import Policy
from store import EventLog, Log
from transport.auth import Tokens
from transport.config import Config
from transport.door import Door
from transport.gateway import NAME as GATEWAY
from transport.gateway import Gateway
from transport.tools import make_server
from transport.version import VERSION

log = structlog.get_logger(__name__)

Listener = trio.abc.Listener[Any]


LIMITED: tuple[Role, ...] = ("agent", "expert")
"""The roles whose rate limit is configured."""


class Server:
    """A server that is about to run.

    Args:
        config: How.
        data: The data directory; exists.
        open_log: Opens the event log; by default the one in `data`.
        ports: The ports to the outside.
        policy: The policy that governs; the shipped one unless given.
    """

    def __init__(
        self,
        config: Config,
        data: Path,
        *,
        open_log: Callable[[], Log] | None = None,
        ports: Ports | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.system = System(random.Random())  # noqa: S311 - jitter, not a secret
        self.hall = Hall(
            open_log=open_log if open_log is not None else partial(EventLog.open, data, fsync=config.fsync),
            policy=policy if policy is not None else Policy.default(),
            version=VERSION,
            ports=ports if ports is not None else Ports(),
            system=self.system,
            limits=_limits(config),
            on_crash=_log_crash,
        )
        tokens = Tokens(data) if config.auth == "token" else None
        self._door = Door(tokens, config.host, origins=config.origins)

    def root(self, listeners: list[Listener]) -> Supervisor:
        """Return the root supervisor over the hall and a gateway that serves these listeners."""
        server = make_server(self.hall.gate, VERSION)

        def gateway() -> Gateway:
            return Gateway(listeners, server=server, gate=self.hall.gate, door=self._door, on_crash=self.hall.on_crash)

        return Supervisor(
            [self.hall.spec(), ChildSpec(GATEWAY, gateway, shutdown_s=STOP_S)], on_crash=self.hall.on_crash
        )

    async def run(self, listeners: list[Listener], ready: Callable[[], None], stop: trio.Event) -> None:
        """Run until `stop`; then end the connections, drain what is queued and close the log. A checkpoint.

        Args:
            listeners: Opened already.
            ready: Called when work is accepted.
            stop: Ends the run.

        Raises:
            Exception: In a group: whatever ended the tree; see `actors.kernel.running`.
        """
        async with running(self.root(listeners), system=self.system):
            ready()
            await stop.wait()
            log.info("server.stopping")


def _limits(config: Config) -> Mapping[Role, Limits]:
    if config.requests_per_s is None:
        return LIMITS
    rate = config.requests_per_s
    limits: dict[Role, Limits] = dict(LIMITS)
    for role in LIMITED:
        limits[role] = msgspec.structs.replace(LIMITS[role], requests_per_s=rate, burst=max(1, round(2 * rate)))
    return limits


def _log_crash(name: str, error: BaseException) -> None:
    log.error("actor.crashed", actor=name, exc_info=error)
