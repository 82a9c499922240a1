"""What a supervisor may stand over, and how it is told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec
import trio

from actors.kernel.messages.actor_system import System
from actors.kernel.observing.tree import Node, Parent

Restart = Literal["permanent", "transient", "temporary"]


class Child(Protocol):
    """Something with a life: an `Actor`, a `Supervisor`, or anything else with these three methods."""

    def attach(self, name: str, system: System) -> None:
        """Take a name and the system, once, before `run`."""

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Start, acknowledge through `task_status`, live, return after a stop; raise on a crash."""

    def request_stop(self) -> None:
        """Begin an ordered stop; `run` returns when it is complete. Does not checkpoint."""


class ChildSpec(msgspec.Struct, frozen=True):
    """How to make a child and what to do when it ends.

    Attributes:
        name: Unique among what runs in the system.
        factory: Makes a new child; called for the start and for each restart.
        restart: `permanent` children are restarted whenever they end, `transient` ones when they crash, `temporary`
            ones never (and their crash never counts towards the intensity).
        shutdown_s: How long an ordered stop may take before the child is cancelled, in seconds; as OTP's workers.
        start_timeout_s: How long it may take to start, in seconds; OTP waits for ever, and with it
            every child that starts later.
    """

    name: str
    factory: Callable[[], Child]
    restart: Restart = "permanent"
    shutdown_s: float = 5.0
    start_timeout_s: float = 30.0


class Running:
    """One incarnation of a child, as its supervisor sees it."""

    __slots__ = ("child", "ended", "scope", "spec", "started", "started_at", "stopping")

    def __init__(self, spec: ChildSpec, child: Child) -> None:
        self.spec = spec
        self.child = child
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self.started = False
        self.started_at = 0.0
        self.stopping = False

    async def live(self, task_status: trio.TaskStatus[None]) -> None:
        """Run the child to its end, inside its own cancel scope."""
        try:
            with self.scope:
                await self.child.run(task_status=task_status)
        finally:
            self.ended.set()

    async def stop(self) -> None:
        """Stop in order: ask, wait for `shutdown_s`, then cancel; returns when the child has ended."""
        self.stopping = True
        self.child.request_stop()
        with trio.move_on_after(self.spec.shutdown_s):
            await self.ended.wait()
        self.scope.cancel()
        await self.ended.wait()

    def describe(self, system: System) -> Node:
        """Return the child, and all below it, as values. Does not checkpoint."""
        spec = self.spec
        if isinstance(self.child, Parent):
            return msgspec.structs.replace(self.child.tree(), restart=spec.restart)
        counters = system.counters.get(spec.name)
        return Node(
            name=spec.name,
            kind=type(self.child).__name__,
            state="stopping" if self.stopping else "running",
            restart=spec.restart,
            statistics=counters.snapshot(system.mailboxes.get(spec.name)) if counters is not None else None,
        )


class Started(trio.TaskStatus[None]):
    """Enters the child among the running ones in the very step in which it acknowledges its start."""

    def __init__(self, table: dict[str, Running], running: Running, inner: trio.TaskStatus[None]) -> None:
        self._table = table
        self._running = running
        self._inner = inner

    def started(self, value: None = None) -> None:
        """Note the start, and pass the acknowledgement on."""
        self._running.started = True
        self._running.started_at = trio.current_time()
        self._table[self._running.spec.name] = self._running
        self._inner.started(value)
