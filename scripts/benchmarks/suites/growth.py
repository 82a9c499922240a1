"""What appends, queries and openings cost as a log grows: from a hundred thousand events to ten million.

A log of each size is the one of the size before, appended to. What a query returns stays the same, so that what grows
is the log alone: the newest of a rare type are at its end, a stream's first revisions at its beginning, and an event of
a type that was seen once, as the first of all, has every segment between itself and the newest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.logs import workload
from benchmarks.logs.filling import append_tail, tail
from benchmarks.logs.reads import LAST, REVISION
from benchmarks.logs.stores import OURS, SQLITE, Subject
from benchmarks.logs.worker import Worker, crew, working
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest, p50, p999

SUITE = "growth"
SIZES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
SQLITE_AT_MOST = 1_000_000
"""SQLite takes a quarter of an hour for the rest."""

APPEND = "append, batches of 100"
SLOWEST = "append, batches of 100, p99.9"
CRASH = "open after a crash"
STOP = "open after a clean stop"
RARE = f"the last {LAST} of a rare type"
MIDDLE = f"a stream from revision {REVISION}"
ONCE = "the one event of a type, the first of all"

_BATCH = 100
STREAMS = 1_000
"""So few that each stream has a hundred events already in the smallest log."""

_OF_STREAM = 25
"""How many events of a stream a query asks for: streams of the smallest log have as many behind the revision."""

_ONCE = "seen.once"
_LATEST = 100
"""How many appends count as those at a size: the last ten thousand events."""

_TIMES = 50
"""How many queries a round makes: each takes a fraction of a millisecond."""

_ROUNDS = 3
"""Three, because an opening after a crash takes seconds in the largest log."""


def suite(bench: Bench) -> Iterator[Figure]:
    """Measure growth; about five minutes, and four gigabytes on the disk while it lasts."""
    with fresh(bench.directory) as directory:
        before = 0
        for full in SIZES:
            size, subjects = bench.size(full), [OURS, SQLITE] if full <= SQLITE_AT_MOST else [OURS]
            logs = {subject: directory / subject.name for subject in subjects}
            yield from _grown(bench, logs, before, size)
            yield from _opened(bench, logs, size)
            before = size


def named(what: str, size: int) -> str:
    """Name the work of a figure: what was done, and in a log of which size. The store's suite has more streams."""
    return f"{what}, of {size:,} events over {STREAMS:,} streams"


def _grown(bench: Bench, logs: dict[Subject, Path], before: int, size: int) -> Iterator[Figure]:
    works = [
        Work(suite=SUITE, name=named(APPEND, size), unit="events/s", better="higher", durability="never", of=_rate),
        Work(suite=SUITE, name=named(SLOWEST, size), unit="ms", durability="never", of=_slowest),
    ]
    rounds = {subject.name: _growing(bench, subject, log, before, size) for subject, log in logs.items()}
    yield from contest(bench, works, rounds, rounds=1, warm=False)


def _growing(bench: Bench, subject: Subject, log: Path, before: int, size: int) -> Round:
    """Make a round that appends what is missing and observes each append's latency but for the durable tail's.

    The process is killed after it.
    """

    def once() -> list[float]:
        with working(bench, subject) as worker:
            assert worker is not None
            worker.ask("open", str(log), "never")
            if not before:
                worker.ask("append_one", _ONCE)
            took_us = worker.ask("fill", size - tail(size) - max(before, 1), _BATCH, STREAMS)
            worker.ask("close")
            append_tail(worker, log, size)
            return took_us

    return once


def _opened(bench: Bench, logs: dict[Subject, Path], size: int) -> Iterator[Figure]:
    crash = Work(suite=SUITE, name=named(CRASH, size), unit="ms", durability="group")
    killed = {subject.name: _killed(bench, subject, log) for subject, log in logs.items()}
    yield from contest(bench, [crash], killed, rounds=_ROUNDS, warm=False)
    stop = Work(suite=SUITE, name=named(STOP, size), unit="ms", durability="group")
    with crew(bench, list(logs)) as workers:
        stopped = {subject.name: _stopped(workers[subject.name], log) for subject, log in logs.items()}
        yield from contest(bench, [stop], stopped, rounds=_ROUNDS)
        for subject, log in logs.items():
            workers[subject.name].ask("open", str(log), "never")
        yield from _queried(bench, workers, size)


def _killed(bench: Bench, subject: Subject, log: Path) -> Round:
    def once() -> list[float]:
        with working(bench, subject) as worker:
            assert worker is not None
            return worker.ask("open", str(log), "group")

    return once


def _stopped(worker: Worker, log: Path) -> Round:
    def once() -> list[float]:
        took_ms = worker.ask("open", str(log), "group")
        worker.ask("close")
        return took_ms

    return once


def _queried(bench: Bench, workers: dict[str, Worker], size: int) -> Iterator[Figure]:
    times, after = bench.size(_TIMES), min(REVISION, bench.size(SIZES[0]) // STREAMS // 2)
    for name, asked in (
        (RARE, ("newest", workload.RARE, LAST)),
        (MIDDLE, ("stream", workload.first_stream(STREAMS), after, _OF_STREAM)),
        (ONCE, ("newest", _ONCE, 1)),
    ):
        rounds = {who: partial(worker.ask, *asked, times) for who, worker in workers.items()}
        yield from contest(bench, [Work(suite=SUITE, name=named(name, size), unit="us")], rounds, rounds=_ROUNDS)


def _rate(took_us: Sequence[float]) -> float:
    return _BATCH / p50(took_us[-_LATEST:]) * 1e6


def _slowest(took_us: Sequence[float]) -> float:
    return p999(took_us) / 1e3
