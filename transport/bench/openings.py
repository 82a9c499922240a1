"""Opening a log: an empty one, one that was stopped cleanly, one whose process died."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from store import EventLog
from transport.bench import peer_sqlite
from transport.bench.figure import US, Figure
from transport.bench.peer_sqlite import SqliteLog
from transport.bench.processes import said_by
from transport.bench.reads import fill, fill_sqlite
from transport.bench.runner import Bench, Round, Work, contest
from transport.bench.scratch import fresh

_POLICY = "group"
_TIMES = 10


def openings(bench: Bench, suite: str, held: int, *, peer: bool = True) -> Iterator[Figure]:
    """Measure how long it takes until a log can be used: new, and holding `held` events.

    Args:
        bench: Where and how often.
        suite: The suite that the figures belong to.
        held: How many events.
        peer: Whether to fill and open SQLite's log of `held` events too.
    """
    empty = {US: _new(bench, _open_and_close), peer_sqlite.NAME: _new(bench, _open_and_close_sqlite)}
    yield from contest(bench, [_work(suite, "open a new log")], empty)
    held = bench.size(held)
    with fresh(bench.directory) as directory:
        fill(directory / "log", held, crashed=directory / "crashed")
        path = directory / "events.sqlite"
        if peer:
            fill_sqlite(path, held)
        clean = {US: lambda: [_open_and_close(directory / "log")]}
        crashed = {US: lambda: [_open_and_die(directory / "crashed", held)]}
        theirs = {peer_sqlite.NAME: lambda: [_open_and_close_sqlite(path)]} if peer else {}
        yield from contest(
            bench, [_work(suite, f"open {held:,} events after a clean stop")], {**clean, **theirs}, rounds=3
        )
        yield from contest(bench, [_work(suite, f"open {held:,} events after a crash")], crashed, rounds=3, warm=False)


def _work(suite: str, name: str) -> Work:
    return Work(suite=suite, name=name, unit="ms", durability=_POLICY)


def _new(bench: Bench, open_it: Callable[[Path], float]) -> Round:
    def once() -> list[float]:
        took: list[float] = []
        for _ in range(bench.size(_TIMES)):
            with fresh(bench.directory) as directory:
                took.append(open_it(directory / "log"))
        return took

    return once


def _open_and_close(directory: Path) -> float:
    began = time.perf_counter()
    log = EventLog.open(directory, fsync=_POLICY)
    took_ms = (time.perf_counter() - began) * 1e3
    log.close()
    return took_ms


def _open_and_die(directory: Path, held: int) -> float:
    took_ms, head = said_by(["-m", "transport.bench.open_and_die", str(directory)]).split()
    assert int(head) == held, f"{head} of {held} events survived the crash"
    return float(took_ms)


def _open_and_close_sqlite(path: Path) -> float:
    began = time.perf_counter()
    log = SqliteLog(path, durable=True)
    took_ms = (time.perf_counter() - began) * 1e3
    log.close()
    return took_ms
