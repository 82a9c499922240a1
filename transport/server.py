"""The composition root: hall, gateway and HTTP listener under one root supervisor, with the real ports."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import trio

from actors.event_store.scheduled_retirement import RetentionPlan
from actors.hall import STOP_S, Hall
from actors.kernel import ChildSpec, Supervisor, System, running
from actors.ports import Ports
from actors.session.messages import Limits, Role
from actors.session.role_rules import LIMITS
from actors.speed_layer.policy.engine import Policy
from actors.speed_layer.written.written_files import Asked
from store import EventLog, Log, archive_of, keep, read_key
from transport.access.accept_connections import Listener
from transport.access.authentication import Authenticator
from transport.access.tokens import Tokens
from transport.config import Config
from transport.http.listener import NAME as HTTP
from transport.http.listener import HttpServer
from transport.http.sessions import HttpSessions
from transport.logs import Logger
from transport.mcp.elicitation import Elicitation
from transport.mcp.server import make_server
from transport.version import VERSION
from transport.websocket.gateway import NAME as GATEWAY
from transport.websocket.gateway import Gateway

log = Logger(__name__)

WITHOUT_TOKENS: Final = "off (--auth none): every program on this machine is the admin `local`"

LIMITED: tuple[Role, ...] = ("agent", "expert")
"""The roles whose rate limit is configured."""

_WRITTEN_ASKED: Final[dict[str | None, Asked]] = {None: "created", "ask": "written", "allow": "none"}
"""Which files that agents wrote are asked about when they are run, by what the configuration says."""


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
        tokens = Tokens(data) if config.auth == "token" else None
        self.hall = Hall(
            open_log=open_log if open_log is not None else partial(_open_log, config, data),
            policy=policy if policy is not None else Policy.default(),
            version=VERSION,
            ports=ports if ports is not None else Ports(),
            system=self.system,
            limits=_limits(config),
            on_crash=_log_crash,
            audit_inputs=config.audit_inputs == "masked",
            warnings=_warnings(tokens),
            retention_plan=retention_plan_of(config, data),
            append_bytes_per_day=config.append_bytes_per_day,
            written_asked=_WRITTEN_ASKED[config.written_scripts],
        )
        self._elicitation: Elicitation = config.elicitation
        self._http_sessions: HttpSessions = config.http_sessions
        self._authenticator = Authenticator(tokens, config.host, origins=config.origins)

    def root(self, listeners: Sequence[Listener], http: Sequence[Listener] = ()) -> Supervisor:
        """Return the root supervisor over the hall, a gateway that serves these listeners, and one for HTTP's."""
        gate, on_crash = self.hall.gate, self.hall.on_crash
        mcp = make_server(gate, VERSION, elicitation=self._elicitation)
        numbers = itertools.count(1)

        def gateway() -> Gateway:
            return Gateway(
                listeners, server=mcp, gate=gate, authenticator=self._authenticator, numbers=numbers, on_crash=on_crash
            )

        def http_server() -> HttpServer:
            return HttpServer(
                http,
                server=mcp,
                gate=gate,
                authenticator=self._authenticator,
                numbers=numbers,
                http_sessions=self._http_sessions,
                on_crash=on_crash,
            )

        children = [self.hall.spec(), ChildSpec(GATEWAY, gateway, shutdown_s=STOP_S)]
        if http:
            children.append(ChildSpec(HTTP, http_server, shutdown_s=STOP_S))
        return Supervisor(children, on_crash=on_crash)

    async def run(
        self,
        listeners: Sequence[Listener],
        ready: Callable[[], None],
        stop: trio.Event,
        http: Sequence[Listener] = (),
    ) -> None:
        """Run until `stop`; then end the connections, drain what is queued and close the log. A checkpoint.

        Args:
            listeners: The websockets', opened already.
            ready: Called when work is accepted.
            stop: Ends the run.
            http: HTTP's listeners, opened already.

        Raises:
            Exception: In a group: whatever ended the tree; see `actors.kernel.running`.
        """
        async with running(self.root(listeners, http), system=self.system):
            ready()
            await stop.wait()
            log.info("server.stopping")


def _warnings(tokens: Tokens | None) -> Mapping[str, str]:
    """Return what is wrong with how the hall is started, by component."""
    if tokens is None:
        return {"authentication": WITHOUT_TOKENS}
    trouble = tokens.clock_trouble()
    if not trouble:
        return {}
    log.warning("tokens.clock_behind_files", why=trouble)
    return {"tokens": trouble}


def _open_log(config: Config, data: Path) -> EventLog:
    key = read_key(config.seal) if config.seal is not None else None
    return EventLog.open(data, fsync=config.fsync, seal_key=key)


def retention_plan_of(config: Config, data: Path) -> RetentionPlan | None:
    """Return what a configuration says is kept of the log in a directory; None for everything."""
    if config.retain_days is None and config.retain_bytes is None:
        return None
    retention = keep(days=config.retain_days, size=config.retain_bytes)
    return RetentionPlan(retention=retention, archive=archive_of(config.archive, data))


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
