"""The headline: what an earlier system of this kind published figures for, from real, working, end-to-end code paths.

Each stands beside a peer that does the same, or beside what it cannot do without, with its durability. Most are works
of other suites, and carry their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks.halls import event_loop, health_under_load, speed_layer_start
from benchmarks.logs import appends, filling, openings, writers
from benchmarks.logs.stores import DISK, OURS, SQLITE, SQLITE_UNINDEXED
from benchmarks.logs.worker import Worker, crew
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench
from benchmarks.suites import mcp, memory, speed_layer, store

SUITE = "headline"
BATCHES = (10, 50, 100, 500)
"""The sizes that the earlier system published figures for."""


def suite(bench: Bench) -> Iterator[Figure]:
    """Measure the headline; about a minute."""
    with crew(bench, [OURS, SQLITE, SQLITE_UNINDEXED, DISK]) as workers:
        yield from _store(bench, workers)
    yield from mcp.without_socket(bench, mcp.SUITE, (mcp.HEALTH,))
    yield from speed_layer.mixed(bench, speed_layer.SUITE)
    yield from speed_layer.gate_cached(bench, speed_layer.SUITE)
    yield from mcp.without_socket(bench, mcp.SUITE, (mcp.FRESH, mcp.KNOWN))
    yield from mcp.over_websocket(bench, mcp.SUITE, (mcp.FRESH, mcp.KNOWN))
    yield from memory.idle_server(bench, memory.SUITE)
    yield from memory.log_memory(bench, memory.SUITE)
    yield from own(bench)


def own(bench: Bench) -> Iterator[Figure]:
    """Measure what no other suite does."""
    yield from health_under_load.health(bench, SUITE)
    yield from speed_layer_start.speed_layer(bench, SUITE)
    yield from event_loop.thread_hop(bench, SUITE)
    yield from event_loop.checkpoint(bench, SUITE)
    yield from event_loop.hops(bench, SUITE)


def _store(bench: Bench, workers: Mapping[str, Worker]) -> Iterator[Figure]:
    yield from openings.new_log(bench, store.SUITE, {name: workers[name] for name in (US, SQLITE.name)})
    yield from _opened(bench, bench.size(store.HELD_WITH_PEERS))
    yield from appends.appends(bench, store.SUITE, workers, store.IN_MEMORY)
    yield from appends.appends(bench, store.SUITE, workers, store.DURABLE[1])
    yield from writers.one_writer(bench, store.SUITE, {name: workers[name] for name in (SQLITE.name, DISK.name)})
    for size in BATCHES:
        yield from appends.appends(bench, store.SUITE, workers, store.IN_PAGE_CACHE[size])
        yield from appends.appends(bench, store.SUITE, workers, store.DURABLE[size])


def _opened(bench: Bench, held: int) -> Iterator[Figure]:
    with fresh(bench.directory) as directory:
        logs = {OURS.name: directory / "log"}
        filling.fill_all(bench, [OURS], held, logs)
        yield from openings.after_crash(bench, store.SUITE, [OURS], held, logs)
        with crew(bench, [OURS]) as workers:
            yield from openings.after_stop(bench, store.SUITE, workers, held, logs)
