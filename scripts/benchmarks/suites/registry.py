"""The suites by name. Each is imported when it runs: many bring packages that the others do without."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, Literal, get_args

from benchmarks.measuring.figure import Figure
from benchmarks.measuring.runner import Bench

Name = Literal["headline", "kernel", "store", "speed-layer", "mcp", "memory", "growth", "all"]

APART = frozenset({"growth", "all"})
"""What `all` leaves out: ten million events take minutes and gigabytes, `--full` or not."""

IN_ALL: tuple[Name, ...] = tuple(name for name in get_args(Name) if name not in APART)


def figures(name: Name, bench: Bench) -> Iterator[Figure]:
    """Measure a suite, or all that do not stand apart, and yield each figure as soon as it is known.

    Of a suite that borrows works from others, `all` measures its own alone, so that no row has two values.
    """
    if name != "all":
        yield from _module(name).suite(bench)
        return
    for each in IN_ALL:
        module = _module(each)
        yield from getattr(module, "own", module.suite)(bench)


def _module(name: Name) -> Any:
    return importlib.import_module(f"benchmarks.suites.{name.replace('-', '_')}")
