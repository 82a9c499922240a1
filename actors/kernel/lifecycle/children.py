"""The children of one supervisor that live: each runs in a task of its own, is watched to its end, and stops in order.

What follows from an end is for the supervisor to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from actors.kernel.errors import NameTaken, Unrecoverable, contains, unwrap
from actors.kernel.lifecycle.child import ChildSpec, Running, Started
from actors.kernel.messages.actor_system import System
from actors.kernel.observing.statistics import Counters

OnCrash = Callable[[str, BaseException], None]
OnEnd = Callable[[Running, BaseException | None], None]


class Children:
    """Starts children and stops them.

    Args:
        system: The system that they run in.
        at_once: Whether they stop at the same time; else one after the other, the last first.
        on_crash: Told of each crash (name, error); None tells nobody.
        on_end: Told of each child that started and has ended; the error is None where it simply returned.

    Attributes:
        running: Those that have acknowledged their start, by name, in the order of their start.
    """

    def __init__(self, system: System, *, at_once: bool, on_crash: OnCrash | None, on_end: OnEnd) -> None:
        self.running: dict[str, Running] = {}
        self._system = system
        self._at_once = at_once
        self._on_crash = on_crash
        self._on_end = on_end
        self._starting: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self.running or name in self._starting

    async def start(self, spec: ChildSpec, nursery: trio.Nursery) -> Running:
        """Start a child; returns once it has acknowledged its start. Checkpoints.

        Raises:
            NameTaken: A child of that name runs or is starting.
            Exception: Whatever the child's start raised.
        """
        if spec.name in self:
            raise NameTaken(spec.name)
        child = spec.factory()
        child.attach(spec.name, self._system)
        running = Running(spec, child)
        self._starting.add(spec.name)
        failure: BaseException | None = None
        try:
            with trio.fail_after(spec.start_timeout_s):
                await nursery.start(self._watch, running)
        except ExceptionGroup as group:
            failure = unwrap(group)
        finally:
            self._starting.discard(spec.name)
        if failure is not None:  # raised out here, so that the error does not carry the group that carries it
            raise failure
        return running

    async def stop(self, names: Sequence[str]) -> None:
        """Stop those of these children that run; returns when they have ended. Checkpoints if there are any."""
        living = [self.running[name] for name in reversed(names) if name in self.running]
        if not self._at_once:
            for running in living:
                await running.stop()
            return
        async with trio.open_nursery() as nursery:
            for running in living:
                nursery.start_soon(running.stop)

    def note_crash(self, spec: ChildSpec, error: BaseException) -> None:
        """Count a crash and tell of it. Does not checkpoint."""
        self._system.counters.setdefault(spec.name, Counters()).failed += 1
        if self._on_crash is not None:
            self._on_crash(spec.name, error)

    async def _watch(self, running: Running, task_status: trio.TaskStatus[None]) -> None:
        name = running.spec.name
        started = Started(self.running, running, task_status)
        error: BaseException | None = None
        try:
            await running.live(started)
        except* Exception as group:
            if contains(group, Unrecoverable) or not running.started:
                raise
            error = group
        finally:
            if self.running.get(name) is running:
                del self.running[name]
        if error is not None:
            self.note_crash(running.spec, error)
        self._on_end(running, error)
