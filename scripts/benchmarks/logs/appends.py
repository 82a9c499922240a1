"""Appending batches to a log: ours, others with the same indexes, and the bare disk."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchmarks.logs import workload
from benchmarks.logs.stores import DISK, Appending
from benchmarks.logs.worker import Worker
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest, p50
from benchmarks.peers import sqlite_log
from store import MemoryLog

AGENT = workload.AGENTS[0]
_IN_MEMORY = 3_000
"""How many events go into a log in memory: about 40 ms of work a round."""


class Load(NamedTuple):
    """What a round appends to a new log.

    Attributes:
        size: Events in a batch.
        events: Events in all.
        policy: The fsync policy, `always` or `never`.
        streams: Over how many streams the events are mixed.
    """

    size: int
    events: int
    policy: str
    streams: int = workload.STREAMS


def appends(bench: Bench, suite: str, workers: Mapping[str, Worker], load: Load) -> Iterator[Figure]:
    """Measure appends by each store that has a process; the bare disk has no part in `never`.

    Yields:
        For batches of one the median latency, else events a second.
    """
    subjects = {
        name: round_of(bench, worker, load)
        for name, worker in workers.items()
        if load.policy != "never" or name != DISK.name
    }
    yield from contest(bench, [work_of(suite, load)], subjects)


def one_in_memory(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure appending one event to a log that lives in memory alone."""
    count = bench.size(_IN_MEMORY)

    def ours() -> list[float]:
        with MemoryLog() as log:
            return _one_by_one(log, count)

    def theirs() -> list[float]:
        with sqlite_log.SqliteLog(None, durable=False) as log:
            return _one_by_one(log, count)

    work = Work(suite=suite, name="append 1 event, in memory", unit="us")
    yield from contest(bench, [work], {US: ours, f"{sqlite_log.NAME} in memory": theirs})


def work_of(suite: str, load: Load) -> Work:
    """Name the work of appending batches of a size, and say how it counts."""
    where = ", one stream" if load.streams == 1 else ""
    if load.size == 1:
        return Work(suite=suite, name=f"append 1 event{where}", unit="us", durability=load.policy, of=p50)
    return Work(
        suite=suite,
        name=f"append, batches of {load.size:,}{where}",
        unit="events/s",
        better="higher",
        durability=load.policy,
        of=lambda took_us: load.size * len(took_us) / sum(took_us) * 1e6,
    )


def round_of(bench: Bench, worker: Worker, load: Load) -> Round:
    """Make a round that appends to a new log and observes each append's latency, in microseconds."""
    count = bench.size(load.events)
    return lambda: worker.ask("appends", str(bench.directory), load.policy, load.size, count, load.streams)


def _one_by_one(log: Appending, count: int) -> list[float]:
    took_us: list[float] = []
    for batch in workload.batches(count, 1):
        began = time.perf_counter()
        log.append(batch, agent=AGENT)
        took_us.append((time.perf_counter() - began) * 1e6)
    return took_us
