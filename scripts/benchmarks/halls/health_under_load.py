"""Health while the hall is at work: what a monitor sees when it matters."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import trio

from actors.desk.gate import Gate
from benchmarks.halls import in_process, requests
from benchmarks.halls.in_memory_connection import connection
from benchmarks.logs import workload
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench, Work, contest, mean, p99
from store import Append, EventLog, NewEvent

WRITERS = 8
"""As many as `moothall demo` has agents."""

BATCH = 10
_CALLS = 500
"""How many calls a round makes: the 99th percentile then rests on five of them."""

_EVENTS = 1_000
"""How many events the writers send again and again: making new ones would take part of the time that is measured."""

_POLICY = "group"


def health(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure calls of `health`, message in to reply out, while writers append durable batches as fast as they can."""
    count = bench.size(_CALLS)
    name = f"health while {WRITERS} writers append batches of {BATCH}"
    works = [
        Work(suite=suite, name=f"{name}, {which}", unit="us", durability=_POLICY, of=of)
        for which, of in (("mean", mean), ("p99", p99))
    ]

    def once() -> list[float]:
        with fresh(bench.directory) as directory:
            return trio.run(_measured, partial(EventLog.open, directory, fsync=_POLICY), count)

    yield from contest(bench, works, {US: once})


async def _measured(open_log: partial[EventLog], count: int) -> list[float]:
    took: list[float] = []
    batches = list(workload.batches(_EVENTS, BATCH))
    async with in_process.hall(open_log) as hall, connection(hall.gate) as exchange, trio.open_nursery() as writers:
        for _ in range(WRITERS):
            writers.start_soon(_write, hall.gate, batches)
        for frame in requests.health(count):
            began = time.perf_counter()
            await exchange(frame)
            took.append((time.perf_counter() - began) * 1e6)
        writers.cancel_scope.cancel()
    return took


async def _write(gate: Gate, batches: list[list[NewEvent]]) -> None:
    while True:
        for batch in batches:
            await gate.append_events(in_process.CALLER, Append(events=batch, agent=in_process.CALLER.principal.agent))
