"""Filling logs with many events: how fast, how long the slowest append takes, and what memory that leaves held.

A log of ours completes a segment about every 130,000 of these events, and SQLite and RocksDB have their own upkeep: any
store that does it inside of appends shows it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.logs.stores import DISK, SYNCS_ALWAYS, Subject
from benchmarks.logs.worker import Worker, working
from benchmarks.logs.workload import STREAMS
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest, p50, p99, p999

BATCH = 100
"""A batch whose sync costs more than its encoding, and whose encoding still shows."""

_MB = 1e6
_TAIL = 100_000
"""Less than a segment of ours: a crash then leaves one that recovery has to read."""

_LARGE_BATCH = 1_000
"""So large that a hundred syncs are enough for the tail."""

_AT_A_TIME = 2
"""How many logs are filled at once where that is not measured: one for each processor of a small machine."""


def filled(
    bench: Bench, suite: str, subjects: Sequence[Subject], held: int, logs: Mapping[str, Path]
) -> Iterator[Figure]:
    """Fill a log of each store and kill its process: the logs are then as after a crash.

    What syncs in any case is filled without a figure, as the others do not sync.

    Args:
        bench: What else is known.
        suite: The suite that the figures belong to.
        subjects: The stores; all are installed.
        held: How many events.
        logs: Where each log is to be, by the store's name.
    """
    grown: dict[str, list[float]] = {}

    def round_of(subject: Subject) -> Round:
        def once() -> list[float]:
            took_us, grown[subject.name] = fill(bench, subject, logs[subject.name], held)
            return took_us

        return once

    rounds = {subject.name: round_of(subject) for subject in subjects if subject.name not in SYNCS_ALWAYS}
    measured = held - tail(held)
    rate = Work(
        suite=suite, name=f"append {measured:,} events, batches of {BATCH}", unit="events/s", better="higher",
        durability="never", of=lambda took_us: measured / sum(took_us) * 1e6,
    )  # fmt: skip
    yield from contest(bench, [rate, *_latencies(suite, measured, "never")], rounds, rounds=1, warm=False)
    memory = [
        Work(suite=suite, name=f"memory added by {measured:,} events, {what}", unit="MB", durability="never", of=of)
        for what, of in (("resident", _first), ("of it backed by no file", _second))
    ]
    held_by = {name: partial(grown.__getitem__, name) for name in grown}
    yield from contest(bench, memory, held_by, rounds=1, warm=False)
    fill_all(bench, [subject for subject in subjects if subject.name in SYNCS_ALWAYS], held, logs)


def fill_all(bench: Bench, subjects: Sequence[Subject], held: int, logs: Mapping[str, Path]) -> None:
    """Fill a log of each store as `fill` does, in large batches and two at a time: nothing of it is measured."""
    if not subjects:
        return
    bench.note(f"filling {len(subjects)} logs with {held:,} events each")

    def fill_one(subject: Subject) -> None:
        fill(bench, subject, logs[subject.name], held, _LARGE_BATCH)

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        list(pool.map(fill_one, subjects))


def fill(
    bench: Bench, subject: Subject, directory: Path, held: int, size: int = BATCH
) -> tuple[list[float], list[float]]:
    """Fill a new log, most of it without a sync, and kill its process.

    The last events, as `tail` says, are appended after a clean stop, durably: as after a crash of a server.

    Returns:
        Each append's latency but for the last events', in microseconds, and what memory they added: resident, and of
        it backed by no file, in MB.
    """
    with working(bench, subject) as worker:
        assert worker is not None
        observed = _filled(worker, directory, "never", held - tail(held), size)
        worker.ask("close")
        append_tail(worker, directory, held)
        return observed


def tail(held: int) -> int:
    """Return how many events are appended between the last clean stop and the kill."""
    return min(held // 10, _TAIL)


def append_tail(worker: Worker, directory: Path, held: int) -> None:
    """Open a log that was stopped and append its last events durably, 1,000 at a time; it stays open."""
    worker.ask("open", str(directory), "group")
    worker.ask("fill", tail(held), _LARGE_BATCH, STREAMS)


def stalls(bench: Bench, suite: str, subjects: Mapping[str, Worker], held: int) -> Iterator[Figure]:
    """Measure the slowest durable appends while segments are completed, beside those of the bare disk."""

    def round_of(worker: Worker) -> Round:
        def once() -> list[float]:
            with fresh(bench.directory) as directory:
                took_us, _ = _filled(worker, directory / "log", "always", held, BATCH)
                worker.ask("close")
                return took_us

        return once

    rounds = {name: round_of(subjects[name]) for name in (US, DISK.name)}
    yield from contest(bench, _latencies(suite, held, "always"), rounds, rounds=2, warm=False)


def _filled(worker: Worker, directory: Path, policy: str, held: int, size: int) -> tuple[list[float], list[float]]:
    worker.ask("open", str(directory), policy)
    before = worker.ask("resident")
    took_us = worker.ask("fill", held, size, STREAMS)
    after = worker.ask("resident")
    return took_us, [(now - was) / _MB for now, was in zip(after, before, strict=True)]


def _latencies(suite: str, held: int, policy: str) -> list[Work]:
    name = f"one append of {BATCH}, while {held:,} events are appended"
    return [
        Work(suite=suite, name=f"{name}, {what}", unit="ms", durability=policy, of=_in_ms(of))
        for what, of in (("p50", p50), ("p99", p99), ("p99.9", p999), ("longest", max))
    ]


def _in_ms(of: Callable[[Sequence[float]], float]) -> Callable[[Sequence[float]], float]:
    return lambda took_us: of(took_us) / 1e3


def _first(values: Sequence[float]) -> float:
    return values[0]


def _second(values: Sequence[float]) -> float:
    return values[1]
