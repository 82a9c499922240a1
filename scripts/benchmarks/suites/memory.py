"""The memory suite: what a process holds after our imports, idle, and with many events, beside what that stands on."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.halls.hall_process import hall
from benchmarks.logs.stores import SQLITE
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.processes import said_by
from benchmarks.measuring.resident import resident_bytes
from benchmarks.measuring.runner import Bench, Round, Work, contest

SUITE = "memory"
HELD = 100_000
"""So many events that what one takes is told apart from the memory that a process varies by."""

_MODULE = "benchmarks.logs.resident_process"
_MB = 1e6


def suite(bench: Bench) -> Iterator[Figure]:
    """Measure memory; about half a minute. Every round is a new process."""
    yield from _imports(bench, "import store, resident in all", {US: ["store"], "bare python": []})
    yield from _imports(
        bench, "import actors.kernel, resident in all", {US: ["actors.kernel"], "import trio": ["trio"]}
    )
    yield from idle_server(bench, SUITE)
    yield from log_memory(bench, SUITE)


def idle_server(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure a server that nobody has spoken to, beside the imports that it cannot do without."""
    sdk = _imported(["mcp.server.lowlevel", "trio_websocket"])
    subjects = {US: _idle(bench), "import mcp, trio_websocket": sdk}
    yield from contest(bench, [_work(suite, "idle server, resident in all")], subjects, rounds=3, warm=False)


def log_memory(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure what an open log adds to its process: empty, and for each event that it holds."""
    started = _work(suite, "import the store and open an empty log, added")
    subjects = {US: _added(bench, _MB, "start", "log"), "sqlite3": _added(bench, _MB, "start", "sqlite")}
    yield from contest(bench, [started], subjects, rounds=3, warm=False)
    held = bench.size(HELD)
    each = Work(suite=suite, name=f"for each event held, of {held:,}", unit="bytes", durability="never")
    subjects = {
        US: _added(bench, held, "fill", "log", str(held)),
        SQLITE.name: _added(bench, held, "fill", "sqlite", str(held)),
    }
    yield from contest(bench, [each], subjects, rounds=1, warm=False)


def _imports(bench: Bench, name: str, subjects: dict[str, list[str]]) -> Iterator[Figure]:
    rounds = {subject: _imported(modules) for subject, modules in subjects.items()}
    yield from contest(bench, [_work(SUITE, name)], rounds, rounds=3, warm=False)


def _work(suite: str, name: str) -> Work:
    return Work(suite=suite, name=name, unit="MB")


def _imported(modules: list[str]) -> Round:
    return lambda: [int(said_by(["-m", _MODULE, "import", *modules])) / _MB]


def _idle(bench: Bench) -> Round:
    def once() -> list[float]:
        with hall(bench) as (pid, _):
            return [resident_bytes(pid) / _MB]

    return once


def _added(bench: Bench, unit: float, what: str, library: str, *more: str) -> Round:
    def once() -> list[float]:
        with fresh(bench.directory) as directory:
            before, after = said_by(["-m", _MODULE, what, library, str(directory), *more]).split()
            return [(int(after) - int(before)) / unit]

    return once
