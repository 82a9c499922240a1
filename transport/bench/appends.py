"""Appending batches to a log: ours, SQLite with the same indexes, and the bare disk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from store import EventLog, MemoryLog, NewEvent
from transport.bench import peer_sqlite, workload
from transport.bench.figure import US, Figure
from transport.bench.peer_sqlite import SqliteLog
from transport.bench.runner import Bench, Round, Work, contest, p50
from transport.bench.scratch import fresh

DISK = "write+fdatasync"
"""The bare disk: one write of as many bytes as the batch's records, then `fdatasync`."""

RECORD_BYTES = 200
"""About what one event of the workload takes as a record."""

AGENT = workload.AGENTS[0]
_IN_MEMORY = 3_000

Appender = Callable[[list[NewEvent]], object]
Opener = Callable[[Path, str], AbstractContextManager[Appender]]
"""Opens a log in an empty directory under a policy, `always` or `never`, and yields its append."""


@contextmanager
def in_log(directory: Path, policy: str) -> Generator[Appender]:
    """Open our log."""
    with EventLog.open(directory, fsync=policy) as log:
        yield lambda events: log.append(events, agent=AGENT)


@contextmanager
def in_memory(_directory: Path, _policy: str) -> Generator[Appender]:
    """Make our log in memory."""
    with MemoryLog() as log:
        yield lambda events: log.append(events, agent=AGENT)


@contextmanager
def in_sqlite(directory: Path, policy: str) -> Generator[Appender]:
    """Open SQLite's log."""
    with SqliteLog(directory / "events.sqlite", durable=policy == "always") as log:
        yield lambda events: log.append(events, agent=AGENT)


@contextmanager
def sqlite_in_memory(_directory: Path, _policy: str) -> Generator[Appender]:
    """Open SQLite's log without a file."""
    with SqliteLog(None, durable=False) as log:
        yield lambda events: log.append(events, agent=AGENT)


@contextmanager
def on_disk(directory: Path, _policy: str) -> Generator[Appender]:
    """Open a bare file, whatever the policy synced after each write."""
    fd = os.open(directory / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append(events: list[NewEvent]) -> None:
        os.write(fd, bytes(RECORD_BYTES * len(events)))
        os.fdatasync(fd)

    try:
        yield append
    finally:
        os.close(fd)


def appends(bench: Bench, suite: str, size: int, count: int, policy: str) -> Iterator[Figure]:
    """Measure appends of `count` events in batches of `size` under an fsync policy, `always` or `never`.

    Yields:
        For batches of one the median latency, else events a second.
    """
    batches = workload.batches(bench.size(count), size)
    openers: dict[str, Opener] = {US: in_log, peer_sqlite.NAME: in_sqlite}
    if policy == "always":
        openers[DISK] = on_disk
    subjects = {name: round_of(bench, opener, policy, batches) for name, opener in openers.items()}
    yield from contest(bench, [work_of(suite, size, policy)], subjects)


def one_in_memory(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure appending one event to a log that lives in memory alone."""
    batches = workload.batches(bench.size(_IN_MEMORY), 1)
    subjects = {
        US: round_of(bench, in_memory, "", batches),
        f"{peer_sqlite.NAME} in memory": round_of(bench, sqlite_in_memory, "", batches),
    }
    yield from contest(bench, [Work(suite=suite, name="append 1 event, in memory", unit="us")], subjects)


def work_of(suite: str, size: int, policy: str) -> Work:
    """Name the work of appending batches of a size, and say how it counts."""
    if size == 1:
        return Work(suite=suite, name="append 1 event", unit="us", durability=policy, of=p50)
    return Work(
        suite=suite,
        name=f"append, batches of {size:,}",
        unit="events/s",
        better="higher",
        durability=policy,
        of=lambda took_us: size * len(took_us) / sum(took_us) * 1e6,
    )


def round_of(bench: Bench, opener: Opener, policy: str, batches: Sequence[list[NewEvent]]) -> Round:
    """Make a round that appends the batches to a fresh log and observes each append's latency, in microseconds."""

    def once() -> list[float]:
        took: list[float] = []
        with fresh(bench.directory) as directory, opener(directory, policy) as append:
            for batch in batches:
                began = time.perf_counter()
                append(batch)
                took.append((time.perf_counter() - began) * 1e6)
        return took

    return once
