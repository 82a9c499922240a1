"""The suites by name. Each is imported when it runs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Literal

from benchmarks.measuring.figure import Figure
from benchmarks.measuring.runner import Bench

Name = Literal["headline", "kernel", "store", "speed-layer", "mcp", "memory", "growth", "all"]

MODULES: dict[str, str] = {
    "headline": "benchmarks.suites.headline",
    "kernel": "benchmarks.suites.kernel",
    "store": "benchmarks.suites.store",
    "speed-layer": "benchmarks.suites.speed_layer",
    "mcp": "benchmarks.suites.mcp",
    "memory": "benchmarks.suites.memory",
    "growth": "benchmarks.suites.growth",
}
"""The module of each suite; its `suite` yields the figures."""


APART = frozenset({"growth"})
"""What `all` leaves out: ten million events take minutes and gigabytes."""


def figures(name: Name, bench: Bench) -> Iterator[Figure]:
    """Measure a suite, or all that do not stand apart, and yield each figure as soon as it is known."""
    for each in [suite for suite in MODULES if suite not in APART] if name == "all" else [name]:
        yield from importlib.import_module(MODULES[each]).suite(bench)
