"""Supervisors: they start children in order, see them end, restart them as their strategy says, stop them in reverse.

One task runs each supervisor. It waits for the end of a child, for a stop, or for a restart that is due, and does one
thing at a time, so the state of the tree is never read while it changes. A child's exception never leaves the child's
own task: it arrives here as an event. The two exceptions to that: `Unrecoverable` ends the whole tree, and a crash that
is one too many for the intensity ends this supervisor, which its own supervisor then handles as a crash.

Semantics follow OTP's `supervisor.erl`; restarts add a backoff (see `restart_intensity.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import trio

from actors.kernel.errors import (
    ActorError,
    ActorNotFound,
    NameTaken,
    RestartIntensityExceeded,
    Unrecoverable,
    contains,
)
from actors.kernel.lifecycle.child import Child, ChildSpec, Running
from actors.kernel.lifecycle.children import Children, OnCrash
from actors.kernel.lifecycle.restart_intensity import Intensity, RestartHistory
from actors.kernel.messages.actor_system import System
from actors.kernel.observing.tree import Node

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one", "dynamic"]


class _Exit(NamedTuple):
    """A child has ended; `error` is None where it simply returned."""

    running: Running
    error: BaseException | None


class Supervisor:
    """A child that stands over other children.

    Args:
        children: Started in this order, each acknowledged before the next; stopped in reverse.
        strategy: `one_for_one` restarts the child that crashed; `rest_for_one` stops what was started after it, and
            restarts that too; `one_for_all` stops and restarts all; `dynamic` is `one_for_one` for any number of
            children that come and go, which stop at the same time instead of one after the other.
        intensity: How many restarts it bears.
        on_crash: Told of each crash (name, error); for logging.

    Children may also be added, restarted and ended at run time: `start_child`, `restart_child`, `stop_child`. A
    `dynamic` supervisor is OTP's `simple_one_for_one`, but each child has a spec of its own.

    Example:
        >>> import trio
        >>> from actors.kernel import Actor, Ask, ChildSpec, Ref, running
        >>> class Double(Ask[int]):
        ...     n: int
        >>> class Doubler(Actor):
        ...     accepts = Double
        ...     async def handle(self, message, reply):
        ...         return message.n * 2
        >>> async def main():
        ...     async with running(Supervisor([ChildSpec("doubler", Doubler)])) as system:
        ...         return await Ref(system, "doubler").ask(Double(21))
        >>> trio.run(main)
        42
    """

    def __init__(
        self,
        children: Iterable[ChildSpec] = (),
        *,
        strategy: Strategy = "one_for_one",
        intensity: Intensity | None = None,
        on_crash: OnCrash | None = None,
    ) -> None:
        self._specs = list(children)
        self._strategy = strategy
        self._intensity = intensity if intensity is not None else Intensity()
        self._on_crash = on_crash
        self._due: dict[str, float] = {}
        self._stopping = False
        self._changing = trio.Lock()
        # Unbounded, but holds at most one event for each child that lives, and one stop.
        self._events, self._inbox = trio.open_memory_channel["_Exit | None"](float("inf"))

    @classmethod
    def find(cls, system: System, name: str) -> Supervisor:
        """Return the supervisor that has this name now. Does not checkpoint.

        Raises:
            ActorNotFound: None has it at the moment.
        """
        supervisor = system.supervisors.find(name)
        assert isinstance(supervisor, cls)
        return supervisor

    def attach(self, name: str, system: System) -> None:
        """Take a name and the system, once, before `run`."""
        self.name = name
        self.system = system
        self._history = RestartHistory(self._intensity, system.rng)
        self._children = Children(
            system, at_once=self._strategy == "dynamic", on_crash=self._on_crash, on_end=self._on_end
        )

    def request_stop(self) -> None:
        """Begin an ordered stop of everything below. Does not checkpoint."""
        self._stopping = True
        self._events.send_nowait(None)

    def children(self) -> list[str]:
        """Return the names of the children that run now, in the order of their start."""
        return list(self._children.running)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Start the children, acknowledge, supervise until stopped.

        Raises:
            RestartIntensityExceeded: The children crashed too often (as part of an exception group).
            Unrecoverable: A child raised it (as part of an exception group).
        """
        self.system.supervisors.register(self.name, self)
        try:
            async with trio.open_nursery() as self._nursery:
                try:
                    for spec in self._specs:
                        await self._start(spec)
                    task_status.started()
                    await self._supervise()
                finally:
                    with trio.CancelScope(shield=True):
                        await self._stop_all()
        finally:
            self.system.supervisors.unregister(self.name, self)

    async def start_child(self, spec: ChildSpec) -> Child:
        """Start a child beside the others; returns once it has acknowledged its start. Checkpoints.

        Raises:
            NameTaken: A child of that name runs or is starting.
            ActorError: The supervisor is stopping.
            Exception: Whatever the child's start raised.
        """
        if spec.restart != "temporary":
            self._refuse_known(spec.name)
            self._specs.append(spec)
        try:
            return (await self._start(spec)).child
        except BaseException:
            self._specs = [each for each in self._specs if each is not spec]  # a stop meanwhile may have taken it out
            raise

    async def stop_child(self, name: str) -> None:
        """Stop a child in order and forget it; returns when it has ended. Checkpoints. Unknown names are ignored."""
        async with self._changing:
            self._specs = [spec for spec in self._specs if spec.name != name]
            self._due.pop(name, None)
            await self._children.stop([name])

    async def wait_ended(self, name: str) -> None:
        """Wait until no child of this name runs; a checkpoint."""
        await trio.lowlevel.checkpoint()
        while (running := self._children.running.get(name)) is not None:
            await running.ended.wait()
            await trio.lowlevel.checkpoint()

    async def restart_child(self, name: str) -> None:
        """Stop a child in order if it runs, and start it anew; does not count towards the intensity. Checkpoints.

        Raises:
            ActorNotFound: This supervisor has no child of that name to start again (temporary ones are forgotten).
            Exception: Whatever the child's start raised; it is not tried again then.
        """
        async with self._changing:
            spec = self._spec_of(name)
            if spec is None:
                raise ActorNotFound(name)
            self._due.pop(name, None)
            await self._children.stop([name])
            await self._start(spec)

    def tree(self) -> Node:
        """Return this supervisor and all that runs below it, as values. Does not checkpoint."""
        return Node(
            name=self.name,
            kind=f"supervisor, {self._strategy}",
            state="stopping" if self._stopping else "running",
            children=[running.describe(self.system) for running in self._children.running.values()]
            + [
                Node(name=spec.name, kind="", state="restarting", restart=spec.restart)
                for spec in self._specs
                if spec.name in self._due
            ],
        )

    def _spec_of(self, name: str) -> ChildSpec | None:
        return next((spec for spec in self._specs if spec.name == name), None)

    def _refuse_known(self, name: str) -> None:
        if self._spec_of(name) is not None or name in self._children:
            raise NameTaken(name)

    async def _supervise(self) -> None:
        while not self._stopping:
            event: _Exit | None = None
            with trio.move_on_at(min(self._due.values(), default=float("inf"))):
                event = await self._inbox.receive()
            if event is not None:
                await self._handle_exit(event)
            elif not self._stopping:
                await self._restart_due()

    async def _handle_exit(self, event: _Exit) -> None:
        running, spec = event.running, event.running.spec
        if running.stopping or not self._wants_restart(spec, crashed=event.error is not None):
            return
        async with self._changing:
            # While the event waited, somebody may have stopped the child for good, or started it again.
            if self._spec_of(spec.name) is spec and spec.name not in self._children.running:
                await self._schedule(spec, trio.current_time() - running.started_at, event.error)

    async def _schedule(self, spec: ChildSpec, lived_s: float, error: BaseException | None) -> None:
        now = trio.current_time()
        if not self._history.allows(now):
            raise RestartIntensityExceeded(
                self.name, spec.name, self._intensity.restarts, self._intensity.period_s
            ) from error
        affected = self._affected_by(spec)
        await self._children.stop([each.name for each in affected if each is not spec])
        due = now + self._history.delay_s(spec.name, lived_s)
        self._due.update({each.name: due for each in affected if each.restart != "temporary"})

    def _affected_by(self, spec: ChildSpec) -> list[ChildSpec]:
        """Return the children that are to be restarted with one that crashed, itself included."""
        if self._strategy == "one_for_all":
            return list(self._specs)
        if self._strategy == "rest_for_one":
            return self._specs[self._specs.index(spec) :]
        return [spec]

    @staticmethod
    def _wants_restart(spec: ChildSpec, *, crashed: bool) -> bool:
        return spec.restart == "permanent" or (spec.restart == "transient" and crashed)

    async def _restart_due(self) -> None:
        async with self._changing:
            now = trio.current_time()
            for spec in list(self._specs):
                if self._due.get(spec.name, float("inf")) <= now:
                    del self._due[spec.name]
                    if not await self._try_restart(spec):
                        return

    async def _try_restart(self, spec: ChildSpec) -> bool:
        try:
            await self._start(spec)
        except Exception as error:
            if contains(error, Unrecoverable):
                raise
            self._children.note_crash(spec, error)
            await self._schedule(spec, 0.0, error)
            return False
        return True

    async def _start(self, spec: ChildSpec) -> Running:
        if self._stopping:
            raise ActorError(f"supervisor {self.name!r} is stopping and starts no more children")
        return await self._children.start(spec, self._nursery)

    def _on_end(self, running: Running, error: BaseException | None) -> None:
        self._events.send_nowait(_Exit(running, error))

    async def _stop_all(self) -> None:
        self._stopping = True
        await self._children.stop(list(self._children.running))
        self._nursery.cancel_scope.cancel()
