"""The runtime's suite: asking, telling and spawning, against Pykka and a bare asyncio queue with futures.

Ours encodes and decodes each message and each reply, carries a deadline and counts; the peers pass objects by
reference. Two Trio checkpoints stand beside the ask: below that no two tasks of one loop can speak to each other.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from operator import itemgetter

import trio

from actors.kernel import Actor, Ask, ChildSpec, Ref, Reply, Supervisor, System, Tell, running
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest
from benchmarks.peers import asyncio_queue
from benchmarks.peers.installed import installed

SUITE = "kernel"
CROWD = 128
"""So many askers that the mailbox is never empty."""

CHECKPOINTS = "2 trio checkpoints"

_ASKS = 5_000
"""Of these, of tells and of spawns as many that a round of ours takes about 50 ms: much longer than a timer's tick."""

_TELLS = 10_000
_SPAWNS = 200


class Add(Ask[int], frozen=True):
    """Answered with the sum."""

    left: int
    right: int


class Note(Tell, frozen=True):
    """Counted."""

    number: int


class Adder(Actor):
    """The actor that is measured."""

    accepts = Add | Note
    capacity = _TELLS + CROWD

    async def handle(self, message: Add | Note, reply: Reply) -> int | None:
        """Add, or take a note."""
        return message.left + message.right if isinstance(message, Add) else None


def suite(bench: Bench) -> Iterator[Figure]:
    """Measure the runtime; about 20 seconds."""
    pykka = installed(bench, "pykka", "benchmarks.peers.pykka_actors")
    asks, tells, spawns = bench.size(_ASKS), bench.size(_TELLS), bench.size(_SPAWNS)
    subjects: dict[str, Round] = {US: in_trio(ask, asks, 1)}
    subjects |= {name: each.asks(asks, 1) for name, each in pykka.items()}
    subjects |= {asyncio_queue.NAME: asyncio_queue.asks(asks, 1), CHECKPOINTS: in_trio(checkpoints, asks)}
    yield from contest(bench, [Work(suite=SUITE, name="ask, one asker", unit="us")], subjects)
    crowd = bench.size(CROWD)
    subjects = {US: in_trio(ask, asks, crowd)}
    subjects |= {name: each.asks(asks, crowd) for name, each in pykka.items()}
    subjects[asyncio_queue.NAME] = asyncio_queue.asks(asks, crowd)
    yield from contest(bench, [Work(suite=SUITE, name=f"ask, {CROWD} askers", unit="us")], subjects)
    parts = [
        Work(suite=SUITE, name=f"ask, {CROWD} askers: {part}", unit="us", of=itemgetter(place))
        for place, part in enumerate(("queue wait", "service"))
    ]
    yield from contest(bench, parts, {US: lambda: trio.run(wait_and_service, asks, crowd)})
    subjects = {US: in_trio(tell, tells), **{name: each.tells(tells) for name, each in pykka.items()}}
    subjects[asyncio_queue.NAME] = asyncio_queue.tells(tells)
    yield from contest(bench, [Work(suite=SUITE, name="tell, drained", unit="us")], subjects)
    subjects = {US: in_trio(spawn, spawns), **{name: each.spawns(spawns) for name, each in pykka.items()}}
    yield from contest(bench, [Work(suite=SUITE, name="spawn and stop an actor", unit="us")], subjects)


def in_trio(work: Callable[..., Awaitable[float]], *arguments: int) -> Round:
    """Make a round of an async function that returns one value."""

    def once() -> list[float]:
        return [trio.run(work, *arguments)]

    return once


async def ask(count: int, askers: int) -> float:
    """Ask `count` times in all and return the time of one ask, in microseconds."""
    async with running(Supervisor([ChildSpec("adder", Adder)])) as system:
        adder = Ref(system, "adder")

        async def asker() -> None:
            for number in range(count // askers):
                assert await adder.ask(Add(number, 1)) == number + 1

        began = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(askers):
                nursery.start_soon(asker)
        return _each_us(began, count // askers * askers)


async def wait_and_service(count: int, askers: int) -> list[float]:
    """Return what one ask waits in the mailbox, and what it takes in the actor, in microseconds."""
    system = System()
    async with running(Supervisor([ChildSpec("adder", Adder)]), system=system), trio.open_nursery() as nursery:

        async def asker() -> None:
            for number in range(count // askers):
                await Ref(system, "adder").ask(Add(number, 1))

        for _ in range(askers):
            nursery.start_soon(asker)
    figures = system.statistics()["adder"]
    return [figures.wait_us / figures.handled, figures.busy_us / figures.handled]


async def tell(count: int) -> float:
    """Tell `count` times, wait until all is handled, and return the time of one tell, in microseconds."""
    async with running(Supervisor([ChildSpec("adder", Adder)])) as system:
        adder = Ref(system, "adder")
        began = time.perf_counter()
        for number in range(count):
            adder.tell(Note(number))
        await adder.ask(Add(1, 1))
        return _each_us(began, count)


async def spawn(count: int) -> float:
    """Start and stop a child `count` times and return the time of one, in microseconds."""
    system = System()
    async with running(Supervisor(), name="nursery", system=system):
        supervisor = Supervisor.find(system, "nursery")
        spec = ChildSpec("adder", Adder, restart="temporary")
        began = time.perf_counter()
        for _ in range(count):
            await supervisor.start_child(spec)
            await supervisor.stop_child("adder")
        return _each_us(began, count)


async def checkpoints(count: int) -> float:
    """Return the time of two checkpoints of a task that is alone in the loop, in microseconds."""
    began = time.perf_counter()
    for _ in range(count):
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
    return _each_us(began, count)


def _each_us(began: float, count: int) -> float:
    return (time.perf_counter() - began) / count * 1e6
