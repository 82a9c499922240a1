"""The hall's supervision tree: who stands on whom.

    hall (rest_for_one)
      event_store
      core (one_for_one): cache, speed_layer, monitor
      sessions (dynamic, temporary children: one per principal in use)

A crash in the core restarts one actor; a crash of the store restarts what stands on it. Sessions are temporary: their
crash ends them alone, and the next request of their principal starts a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio

from actors.cache.actor import Cache
from actors.cache.messages import NAME as CACHE
from actors.desk.gate import Gate
from actors.event_store.actor import EventStore
from actors.event_store.append_quota import BYTES_PER_DAY, AppendQuota
from actors.event_store.messages import NAME as EVENT_STORE
from actors.event_store.scheduled_retirement import RetentionPlan
from actors.kernel import ChildSpec, OnCrash, Ref, Supervisor, System, cause
from actors.monitor.actor import Crash, Monitor, MonitorMemory
from actors.monitor.messages import NAME as MONITOR
from actors.monitor.messages import Crashed
from actors.ports import Ports
from actors.session.actor import Session
from actors.session.messages import SUPERVISOR as SESSIONS
from actors.session.messages import Limits, Principal, Role
from actors.session.role_rules import LIMITS
from actors.speed_layer.actor import SpeedLayer
from actors.speed_layer.governing.quotas import Quotas
from actors.speed_layer.messages import NAME as SPEED_LAYER
from actors.speed_layer.policy.engine import Policy
from actors.speed_layer.written.written_files import Asked
from actors.views import Views
from store import Log

HALL = "hall"
COMPONENTS = (EVENT_STORE, CACHE, SPEED_LAYER, MONITOR)
"""The actors that must run for the hall to be healthy."""

STOP_S = 30.0
"""How long the parts of the tree may take to stop: a supervisor waits for all that is below it."""


class Hall:
    """Everything below the transport, ready to be put under a supervisor.

    Args:
        open_log: Opens the event log; may block, runs through `ports.run_sync`.
        policy: The compiled policy that governs.
        version: Moothall's version, for `health`.
        ports: The ports to the outside.
        system: The actor system that the tree will run in.
        limits: What each role may use.
        on_crash: Told of each crash (name, error), for logging.
        session_idle_s: How long a session outlives its last connection, in seconds.
        audit_inputs: Whether the audit keeps what was asked, with its secrets masked, or the hash alone.
        retention_plan: What is kept of the log; None keeps everything.
        warnings: What is wrong with how it was started, by component, for `health`.
        append_bytes_per_day: How much each agent may append, and as much again in what is stored of its requests.
        written_asked: Which files that agents wrote are asked about when they are run.
    """

    def __init__(
        self,
        *,
        open_log: Callable[[], Log],
        policy: Policy,
        version: str,
        ports: Ports,
        system: System,
        limits: Mapping[Role, Limits] = LIMITS,
        on_crash: OnCrash | None = None,
        session_idle_s: float = 60.0,
        audit_inputs: bool = True,
        retention_plan: RetentionPlan | None = None,
        warnings: Mapping[str, str] | None = None,
        append_bytes_per_day: int = BYTES_PER_DAY,
        written_asked: Asked = "created",
    ) -> None:
        self._open_log = open_log
        self._policy = policy
        self._ports = ports
        self._system = system
        self._limits = limits
        self._log_crash = on_crash
        self._session_idle_s = session_idle_s
        self._retention_plan = retention_plan
        self._warnings = warnings
        self._append_quota = AppendQuota(append_bytes_per_day)
        self._began: float | None = None
        self._crashes: dict[str, Crash] = {}
        spend = AppendQuota(append_bytes_per_day).spend
        self.views = Views(version, audit_inputs=audit_inputs, spend=spend, written_asked=written_asked)
        self.gate = Gate(system, self.views, self._session)

    def spec(self) -> ChildSpec:
        """Return the spec of the hall's supervisor, for the root."""
        return ChildSpec(HALL, self._supervisor, shutdown_s=STOP_S)

    def on_crash(self, name: str, error: BaseException) -> None:
        """Log a crash and tell the monitor; supervisors above the hall may call it too."""
        if self._log_crash is not None:
            self._log_crash(name, error)
        Ref(self._system, MONITOR).tell_or_lose(Crashed(name, _in_short(error)))

    def _supervisor(self) -> Supervisor:
        children = [
            ChildSpec(EVENT_STORE, self._event_store, shutdown_s=STOP_S),
            ChildSpec("core", self._core, shutdown_s=STOP_S),
            ChildSpec(SESSIONS, lambda: Supervisor(strategy="dynamic", on_crash=self.on_crash), shutdown_s=STOP_S),
        ]
        return Supervisor(children, strategy="rest_for_one", on_crash=self.on_crash)

    def _event_store(self) -> EventStore:
        return EventStore(self._open_log, self._ports, self.views, self._append_quota, self._retention_plan)

    def _core(self) -> Supervisor:
        if self._began is None:
            self._began = trio.current_time()
            self._quotas = Quotas(self._began)
        memory = MonitorMemory(self._began, self._crashes)
        children = [
            ChildSpec(CACHE, lambda: Cache(self.views.verdicts)),
            ChildSpec(SPEED_LAYER, lambda: SpeedLayer(self._policy, self.views, self._ports, self._quotas)),
            ChildSpec(MONITOR, lambda: Monitor(self.views, COMPONENTS, memory, self._warnings)),
        ]
        return Supervisor(children, on_crash=self.on_crash)

    def _session(self, principal: Principal) -> Session:
        return Session(principal, self._limits[principal.role], self._ports, self.views.prepaid, self._session_idle_s)


def _in_short(error: BaseException) -> str:
    first = cause(error)
    return f"{type(first).__name__}: {first}"[:200]
