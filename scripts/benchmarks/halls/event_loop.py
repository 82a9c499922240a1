"""What the event loop itself costs: the yardsticks for everything that hops."""

from __future__ import annotations

import time
from collections.abc import Iterator

import trio
import trio.testing

from actors.desk.gate import Call
from actors.kernel import System
from benchmarks.halls import in_process
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest
from benchmarks.measuring.shell_commands import PLAIN, fresh_calls

_CHECKPOINTS = 5_000
"""How many make a round of about 20 ms."""

_THREADS = 300
"""How many hops make a round of about 50 ms."""


def checkpoint(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure a checkpoint of Trio, alone in the loop."""
    count = bench.size(_CHECKPOINTS)

    async def measured() -> list[float]:
        began = time.perf_counter()
        for _ in range(count):
            await trio.lowlevel.checkpoint()
        return [(time.perf_counter() - began) / count * 1e6]

    work = Work(suite=suite, name="a checkpoint of the event loop", unit="us")
    yield from contest(bench, [work], {"trio": lambda: trio.run(measured)})


def thread_hop(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure the way to a worker thread and back, which only appends take."""
    count = bench.size(_THREADS)

    async def measured() -> list[float]:
        took: list[float] = []
        for _ in range(count):
            began = time.perf_counter()
            await trio.to_thread.run_sync(int)
            took.append((time.perf_counter() - began) * 1e6)
        return took

    work = Work(suite=suite, name="to a thread and back (appends only)", unit="us")
    yield from contest(bench, [work], {"trio": lambda: trio.run(measured)})


def hops(bench: Bench, suite: str) -> Iterator[Figure]:
    """Count the messages that actors handle for one `validate`; the table that the cache publishes needs none."""
    for name, call in (("cached", PLAIN), ("not cached", fresh_calls(1)[0])):
        work = Work(suite=suite, name=f"messages between actors for one validate, {name}", unit="messages")
        yield from contest(bench, [work], {US: _handled(call)}, rounds=1, warm=False)


def _handled(call: Call) -> Round:
    return lambda: trio.run(_handled_for, call)


async def _handled_for(call: Call) -> list[float]:
    async with in_process.hall() as hall:
        await hall.gate.validate(in_process.CALLER, [PLAIN])
        await trio.testing.wait_all_tasks_blocked()
        before = _all_handled(hall.system)
        await hall.gate.validate(in_process.CALLER, [call])
        await trio.testing.wait_all_tasks_blocked()
        return [float(_all_handled(hall.system) - before)]


def _all_handled(system: System) -> int:
    return sum(each.handled for each in system.statistics().values())
