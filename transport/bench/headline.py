"""The headline: what an earlier system of this kind published figures for, from real, working, end-to-end code paths.

Each stands beside a peer that does the same, or beside what it cannot do without, with its durability.
"""

from __future__ import annotations

from collections.abc import Iterator

from transport.bench import appends, load, loop, mcp, memory, speed_layer, starts, writers
from transport.bench.figure import Figure
from transport.bench.openings import openings
from transport.bench.runner import Bench

SUITE = "headline"
HELD = 1_000_000
"""How many events the log holds that is opened."""

BATCHES = (10, 50, 100, 500)
_APPENDED = 10_000
_DURABLE_BATCHES = 40


def suite(bench: Bench) -> Iterator[Figure]:
    """Measure the headline; about a minute."""
    yield from openings(bench, SUITE, HELD, peer=False)
    yield from appends.one_in_memory(bench, SUITE)
    yield from appends.appends(bench, SUITE, 1, 200, "always")
    yield from writers.one_writer(bench, SUITE)
    for size in BATCHES:
        yield from appends.appends(bench, SUITE, size, _APPENDED, "never")
        yield from appends.appends(bench, SUITE, size, size * _DURABLE_BATCHES, "always")
    yield from mcp.without_socket(bench, SUITE, (mcp.HEALTH,))
    yield from load.health(bench, SUITE)
    yield from speed_layer.mixed(bench, SUITE)
    yield from speed_layer.gate_cached(bench, SUITE)
    yield from mcp.without_socket(bench, SUITE, (mcp.FRESH, mcp.KNOWN))
    yield from mcp.over_websocket(bench, SUITE, (mcp.FRESH, mcp.KNOWN))
    yield from starts.speed_layer(bench, SUITE)
    yield from loop.thread_hop(bench, SUITE)
    yield from loop.checkpoint(bench, SUITE)
    yield from loop.hops(bench, SUITE)
    yield from memory.idle_server(bench, SUITE)
    yield from memory.log_memory(bench, SUITE)
