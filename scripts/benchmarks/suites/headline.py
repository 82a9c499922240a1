"""The headline: what an earlier system of this kind published figures for, from real, working, end-to-end code paths.

Each stands beside a peer that does the same, or beside what it cannot do without, with its durability.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks.halls import event_loop, health_under_load, speed_layer_start
from benchmarks.logs import appends, filling, openings, writers
from benchmarks.logs.appends import Load
from benchmarks.logs.stores import DISK, OURS, SQLITE
from benchmarks.logs.worker import Worker, crew
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench
from benchmarks.suites import mcp, memory, speed_layer

SUITE = "headline"
HELD = 1_000_000
"""How many events the log holds that is opened."""

BATCHES = (10, 50, 100, 500)
"""The sizes that the earlier system published figures for."""

_APPENDED = 10_000
"""How many events a round appends without a sync: 0.2 s in the smallest batches."""

_DURABLE_BATCHES = 40
"""How many batches a round syncs: each waits for the disk."""


def suite(bench: Bench) -> Iterator[Figure]:
    """Measure the headline; about a minute."""
    with crew(bench, [OURS, SQLITE, DISK]) as workers:
        yield from _store(bench, workers)
    yield from mcp.without_socket(bench, SUITE, (mcp.HEALTH,))
    yield from health_under_load.health(bench, SUITE)
    yield from speed_layer.mixed(bench, SUITE)
    yield from speed_layer.gate_cached(bench, SUITE)
    yield from mcp.without_socket(bench, SUITE, (mcp.FRESH, mcp.KNOWN))
    yield from mcp.over_websocket(bench, SUITE, (mcp.FRESH, mcp.KNOWN))
    yield from speed_layer_start.speed_layer(bench, SUITE)
    yield from event_loop.thread_hop(bench, SUITE)
    yield from event_loop.checkpoint(bench, SUITE)
    yield from event_loop.hops(bench, SUITE)
    yield from memory.idle_server(bench, SUITE)
    yield from memory.log_memory(bench, SUITE)


def _store(bench: Bench, workers: Mapping[str, Worker]) -> Iterator[Figure]:
    logs = {name: worker for name, worker in workers.items() if name != DISK.name}
    yield from openings.new_log(bench, SUITE, logs)
    yield from _opened(bench, bench.size(HELD))
    yield from appends.one_in_memory(bench, SUITE)
    yield from appends.appends(bench, SUITE, workers, Load(1, 200, "always"))
    yield from writers.one_writer(bench, SUITE, {name: each for name, each in workers.items() if name != US})
    for size in BATCHES:
        yield from appends.appends(bench, SUITE, workers, Load(size, _APPENDED, "never"))
        yield from appends.appends(bench, SUITE, workers, Load(size, size * _DURABLE_BATCHES, "always"))


def _opened(bench: Bench, held: int) -> Iterator[Figure]:
    with fresh(bench.directory) as directory:
        logs = {OURS.name: directory / "log"}
        filling.fill(bench, OURS, logs[US], held)
        yield from openings.after_crash(bench, SUITE, [OURS], held, logs)
        with crew(bench, [OURS]) as workers:
            yield from openings.after_stop(bench, SUITE, workers, held, logs)
