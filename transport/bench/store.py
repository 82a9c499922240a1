"""The store's suite: appends, writers that crowd the actor, reads and openings, against SQLite and the bare disk."""

from __future__ import annotations

from collections.abc import Iterator

from transport.bench.appends import appends
from transport.bench.figure import Figure
from transport.bench.openings import openings
from transport.bench.reads import reads
from transport.bench.runner import Bench
from transport.bench.writers import crowd, one_writer

SUITE = "store"

APPENDED = (
    (1, "always", 300),
    (1, "never", 3_000),
    (100, "always", 10_000),
    (100, "never", 20_000),
    (1_000, "always", 50_000),
    (1_000, "never", 50_000),
)
"""What a round appends: batch size, policy, number of events."""

HELD = 200_000
"""How many events the logs hold that are read and opened."""


def suite(bench: Bench) -> Iterator[Figure]:
    """Measure the store; about a minute."""
    for size, policy, count in APPENDED:
        yield from appends(bench, SUITE, size, count, policy)
    yield from one_writer(bench, SUITE)
    yield from crowd(bench, SUITE)
    yield from reads(bench, SUITE, HELD)
    yield from openings(bench, SUITE, HELD)
