"""What has to be done once: compiling the shipped policy, and starting the actor that judges by it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import trio

from actors.kernel import ChildSpec, Supervisor, running
from actors.ports import Ports
from actors.speed_layer.actor import SpeedLayer
from actors.speed_layer.governing.quotas import Quotas
from actors.speed_layer.policy.engine import Policy, packs
from actors.views import Views
from benchmarks.halls import in_process
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench, Work, contest


def speed_layer(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure compiling the shipped policy, and starting the speed layer with a compiled one in a hall that has it."""
    sources = packs()

    def compiled() -> list[float]:
        began = time.perf_counter()
        Policy.load(sources, check_examples=False)
        return [(time.perf_counter() - began) * 1e3]

    yield from contest(bench, [Work(suite=suite, name="compile the shipped policy", unit="ms")], {US: compiled})
    work = Work(suite=suite, name="start the speed layer, policy compiled", unit="ms")
    yield from contest(bench, [work], {US: lambda: trio.run(_start)})


async def _start() -> list[float]:
    policy, views, quotas = Policy.default(), Views("bench"), Quotas(trio.current_time())
    async with in_process.hall() as hall, running(Supervisor(), name="second", system=hall.system):
        supervisor = Supervisor.find(hall.system, "second")
        began = time.perf_counter()
        spec = ChildSpec("second_speed_layer", lambda: SpeedLayer(policy, views, Ports(), quotas))
        await supervisor.start_child(spec)
        return [(time.perf_counter() - began) * 1e3]
