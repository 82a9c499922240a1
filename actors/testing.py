"""A test kit for actors: probes, one supervised actor in one line, faults on purpose, and a check for leaks.

Everything waits on Trio's clock: under `trio.testing.MockClock` (pytest-trio's `autojump_clock`) no test sleeps.

    async def test_the_greeter_greets(autojump_clock):
        async with no_leaks(), under_test(Greeter) as subject:
            assert await subject.ask(Greet("world")) == "hello world"
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio
import trio.testing

from actors.kernel import Actor, ChildSpec, Intensity, Ref, Reply, Supervisor, System, running
from actors.kernel.lifecycle.child import Restart
from actors.kernel.messages.mailbox import Envelope
from actors.kernel.messages.message import Message

M = TypeVar("M", bound=Message)


class InjectedFault(Exception):  # noqa: N818 - the word for it
    """Raised by a handler because a test asked for it."""


class Probe(Actor):
    """Stands in for an actor and keeps what it is sent.

    Args:
        accepts: The union of messages that it takes.
        answer: What it answers to asks, made from the message; None answers None.
    """

    def __init__(self, accepts: Any, answer: Callable[[Any], Any] | None = None) -> None:
        self.accepts = accepts
        self._respond = answer
        self._arrived = trio.Event()
        self._next = 0
        self.messages: list[Any] = []

    async def handle(self, message: Any, reply: Reply) -> Any:
        """Keep the message and answer it."""
        self.messages.append(message)
        self._arrived.set()
        return self._respond(message) if self._respond is not None else None

    async def expect(self, kind: type[M], *, within_s: float = 5.0) -> M:
        """Return the next message, waiting for it; a checkpoint.

        Raises:
            AssertionError: It is of another kind, or no message came in time.
        """
        with trio.move_on_after(within_s):
            while self._next == len(self.messages):
                self._arrived = trio.Event()
                await self._arrived.wait()
        if self._next == len(self.messages):
            raise AssertionError(f"no {kind.__name__} came within {within_s:g} s; before: {self.messages!r}")
        message = self.messages[self._next]
        self._next += 1
        if not isinstance(message, kind):
            raise AssertionError(f"expected a {kind.__name__}, got {message!r}")  # noqa: TRY004 - a test's own failure
        return message

    async def expect_nothing(self, *, within_s: float = 5.0) -> None:
        """Check that nothing more comes; a checkpoint.

        Raises:
            AssertionError: Something came.
        """
        await trio.sleep(within_s)
        if self._next < len(self.messages):
            raise AssertionError(f"expected nothing, got {self.messages[self._next :]!r}")


class Subject(Ref):
    """A reference to the actor under test, with what a test wants to know of it.

    Attributes:
        crashes: The errors that it crashed with, oldest first.
        incarnations: Every actor that the factory made, oldest first.
    """

    __slots__ = ("crashes", "incarnations")

    def __init__(self, system: System, name: str) -> None:
        super().__init__(system, name)
        self.crashes: list[BaseException] = []
        self.incarnations: list[Actor] = []


@asynccontextmanager
async def under_test(
    factory: Callable[[], Actor], *beside: ChildSpec, name: str = "subject", restart: Restart = "permanent"
) -> AsyncGenerator[Subject, None]:
    """Run an actor under a supervisor, with others (probes, mostly) started before it.

    Args:
        factory: Makes the actor, for the start and for each restart.
        beside: What else runs.
        name: The actor's name.
        restart: What follows its crash.
    """
    system = System(random.Random(0))  # noqa: S311 - a repeatable run
    subject = Subject(system, name)

    def make() -> Actor:
        actor = factory()
        subject.incarnations.append(actor)
        return actor

    def note(crashed: str, error: BaseException) -> None:
        if crashed == name:
            subject.crashes.append(error)

    children = [*beside, ChildSpec(name, make, restart=restart)]
    patient = Intensity(restarts=1_000_000)  # the supervisor never gives up: the test says when it is enough
    async with running(Supervisor(children, intensity=patient, on_crash=note), system=system):
        yield subject


def faulty(
    kind: type[Actor],
    *,
    crash_on: Collection[int] = (),
    lose: Collection[int] = (),
    duplicate: Collection[int] = (),
    slow_s: float = 0.0,
) -> type[Actor]:
    """Return a kind of actor that fails on purpose. Messages are counted from 1, across restarts.

    Args:
        kind: The actor's class.
        crash_on: On which messages its handler raises `InjectedFault`.
        lose: Which messages it never sees (an ask then ends at its deadline).
        duplicate: Which messages it sees twice.
        slow_s: How long it takes before each message, in seconds.
    """
    count = 0

    class Faulty(kind):  # type: ignore[misc,valid-type]
        async def _deliver(self, envelope: Envelope, now: float) -> float:
            nonlocal count
            count += 1
            number = count
            await trio.sleep(slow_s)
            if number in crash_on:
                raise InjectedFault(f"message {number} to {self.name!r}")
            if number in lose:
                self._counters.lost += 1
                return float(trio.current_time())
            after = await super()._deliver(envelope, now)
            if number in duplicate:
                copy = Envelope(
                    envelope.body, None, envelope.deadline, envelope.sent_at, envelope.sender, envelope.trace_id
                )
                after = await super()._deliver(copy, after)
                self._counters.handled -= 1
            return float(after)

    Faulty.__name__ = Faulty.__qualname__ = f"Faulty{kind.__name__}"
    return Faulty


@asynccontextmanager
async def no_leaks(*systems: System) -> AsyncGenerator[None, None]:
    """Check that the block leaves no task behind, and no name in these systems.

    Raises:
        AssertionError: Something is left.
    """
    before = set(_tasks())
    yield
    await trio.testing.wait_all_tasks_blocked()
    left = [task.name for task in _tasks() if task not in before]
    if left:
        raise AssertionError(f"tasks were left behind: {left}")
    for system in systems:
        names = [*system.mailboxes, *system.supervisors]
        if names:
            raise AssertionError(f"names were left behind: {names}")


def _tasks() -> list[trio.lowlevel.Task]:
    root = trio.lowlevel.current_root_task()
    found: list[trio.lowlevel.Task] = []
    waiting = [root] if root is not None else []
    while waiting:
        task = waiting.pop()
        found.append(task)
        waiting.extend(child for nursery in task.child_nurseries for child in nursery.child_tasks)
    return found
