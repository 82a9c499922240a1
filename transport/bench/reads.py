"""Reading from a log that holds many events: by type, by stream, and everything."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from store import EventLog, NewEvent
from transport.bench import peer_sqlite, workload
from transport.bench.appends import AGENT
from transport.bench.figure import US, Figure
from transport.bench.peer_sqlite import SqliteLog
from transport.bench.runner import Bench, Round, Work, contest
from transport.bench.scratch import fresh

LAST = 100
"""How many events of the rare type are asked for."""

_STREAM = "task/7"
_TIMES = 100
_MADE = 100_000


def reads(bench: Bench, suite: str, held: int) -> Iterator[Figure]:
    """Measure reads from logs that hold `held` events."""
    held = bench.size(held)
    with fresh(bench.directory) as directory:
        path = directory / "events.sqlite"
        fill_sqlite(path, held)
        fill(directory / "log", held)
        with EventLog.open(directory / "log", fsync="never") as log, SqliteLog(path, durable=False) as sqlite:
            kind, stream, times = workload.RARE, _STREAM, bench.size(_TIMES)
            yield from _latency(
                bench, Work(suite=suite, name=f"the last {LAST} of a rare type, of {held:,} events", unit="us"), times,
                lambda: log.query(types=(kind,), order="desc", limit=LAST), lambda: sqlite.last_of_type(kind, LAST),
            )  # fmt: skip
            yield from _latency(
                bench, Work(suite=suite, name=f"a stream's first {LAST}, of {held:,} events", unit="us"), times,
                lambda: log.query(stream=stream, limit=LAST), lambda: sqlite.of_stream(stream, LAST),
            )  # fmt: skip
            replay = Work(suite=suite, name=f"replay {held:,} events, decoded", unit="events/s", better="higher")
            ours = _replay(held, lambda: sum(1 for _ in log.read()))
            theirs = _replay(held, lambda: sum(1 for _ in sqlite.read()))
            yield from contest(bench, [replay], {US: ours, peer_sqlite.NAME: theirs}, rounds=3)


def fill(directory: Path, held: int, *, crashed: Path | None = None) -> None:
    """Make a log of ours that holds events and was stopped cleanly.

    Args:
        directory: Where.
        held: How many events.
        crashed: Where to leave a copy as it is while the log is open, which is what a killed process leaves.
    """
    with EventLog.open(directory, fsync="group") as log:
        for batch in _pages(held):
            log.append(batch, agent=AGENT)
        if crashed is not None:
            shutil.copytree(directory, crashed)


def fill_sqlite(path: Path, held: int) -> None:
    """Make SQLite's log hold the same."""
    with SqliteLog(path, durable=False) as log:
        for batch in _pages(held):
            log.append(batch, agent=AGENT)


def _pages(held: int) -> Iterator[list[NewEvent]]:
    """Yield events in batches of 1,000. After 100,000 their payloads repeat: making a million would take long."""
    made = workload.events(min(held, _MADE))
    for start in range(0, held, 1_000):
        first = start % _MADE
        yield made[first : first + min(1_000, held - start)]


def _latency(
    bench: Bench, work: Work, times: int, ours: Callable[[], object], theirs: Callable[[], object]
) -> Iterator[Figure]:
    subjects = {US: timed(ours, times), peer_sqlite.NAME: timed(theirs, times)}
    yield from contest(bench, [work], subjects)


def timed(call: Callable[[], object], times: int, scale: float = 1e6) -> Round:
    """Make a round that calls a function so many times and observes each latency, in microseconds unless scaled."""

    def once() -> list[float]:
        took: list[float] = []
        for _ in range(times):
            began = time.perf_counter()
            call()
            took.append((time.perf_counter() - began) * scale)
        return took

    return once


def _replay(held: int, count: Callable[[], int]) -> Round:
    def once() -> list[float]:
        began = time.perf_counter()
        found = count()
        assert found == held, f"replayed {found} of {held} events"
        return [held / (time.perf_counter() - began)]

    return once
