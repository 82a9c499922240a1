"""The suites by name. Each is imported when it runs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Literal

from transport.bench.figure import Figure
from transport.bench.runner import Bench

Name = Literal["headline", "kernel", "store", "speed-layer", "mcp", "memory", "all"]

MODULES: dict[str, str] = {
    "headline": "transport.bench.headline",
    "kernel": "transport.bench.kernel",
    "store": "transport.bench.store",
    "speed-layer": "transport.bench.speed_layer",
    "mcp": "transport.bench.mcp",
    "memory": "transport.bench.memory",
}
"""The module of each suite; its `suite` yields the figures."""


def figures(name: Name, bench: Bench) -> Iterator[Figure]:
    """Measure a suite, or all of them, and yield each figure as soon as it is known."""
    for module in MODULES.values() if name == "all" else [MODULES[name]]:
        yield from importlib.import_module(module).suite(bench)
