"""The store's suite: appends, writers that crowd the actor, fills, openings and reads, against others and the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.halls import append_beside_polls
from benchmarks.logs import writers
from benchmarks.logs.appends import Load, appends
from benchmarks.logs.filling import fill_all, filled, stalls
from benchmarks.logs.openings import after_crash, after_stop, new_log
from benchmarks.logs.reads import reads
from benchmarks.logs.stores import (
    DISK,
    EVENTSOURCING,
    OURS,
    OURS_PURE,
    SERVERS,
    SQLITE,
    SQLITE_UNINDEXED,
    TO_INSTALL,
    UMADB,
    Subject,
)
from benchmarks.logs.worker import Worker, absent, crew
from benchmarks.logs.workload import DEFAULT_STREAM, NEW_STREAMS
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench

SUITE = "store"

IN_PAGE_CACHE = {
    size: Load(size, events, "never")
    for size, events in ((1, 2_000), (10, 5_000), (50, 10_000), (100, 10_000), (500, 10_000), (1_000, 10_000))
}
"""What a round appends without a sync, by the size of its batches: 20 to 100 ms of work."""

DURABLE = {
    size: Load(size, size * times, "always")
    for size, times in ((1, 150), (10, 100), (50, 60), (100, 50), (500, 20), (1_000, 10))
}
"""What a round appends with a sync for each batch: less, as each waits for the disk."""

IN_MEMORY = Load(1, 3_000, "memory")
"""What logs in memory are given: as events that outlive the process, they take ours 40 ms."""

SINGLE = (
    Load(1, 2_000, "never", DEFAULT_STREAM),
    Load(1, 150, "always", DEFAULT_STREAM),
    Load(1, 2_000, "never", NEW_STREAMS),
)
"""Single appends as agents make them who name no stream, and as those who begin a stream for each thing they do."""

LONG = (
    Load(10_000, 20_000, "never"),
    Load(10_000, 20_000, "always"),
    *(load._replace(streams=1) for loads in (IN_PAGE_CACHE, DURABLE) for load in loads.values()),
)
"""What `--full` appends besides: batches that no client may send, and everything to one stream."""

HELD = 200_000
"""How many events the logs hold that are read and opened, without peers that take long to fill."""

HELD_WITH_PEERS = 1_000_000
"""How many with them: seven complete segments of ours."""

HELD_ALONE = 10_000_000
"""How many ours holds under `--full`: reads have to take no longer than in a tenth of it."""

SLOWEST_OF = 1_000_000
"""How many events are appended while the slowest append is looked for: seven segments are completed meanwhile."""


def suite(bench: Bench) -> Iterator[Figure]:
    """Measure the store; three minutes with peers, and under `--full` a quarter of an hour."""
    wanted = [OURS, *_pure(bench), SQLITE, SQLITE_UNINDEXED, *_peers(bench)]
    with crew(bench, [*wanted, DISK]) as workers:
        yield from absent(SUITE, wanted, workers)
        yield from _appended(bench, workers)
        beside = {name: worker for name, worker in workers.items() if name in {SQLITE.name, UMADB.name, DISK.name}}
        yield from writers.one_writer(bench, SUITE, beside)
        yield from writers.crowd(bench, SUITE, beside)
        yield from append_beside_polls.appends(bench, SUITE)
        if bench.full:
            yield from stalls(bench, SUITE, workers, bench.size(SLOWEST_OF))
        present = [subject for subject in wanted if subject.name in workers]
        opened = {each.name: workers[each.name] for each in _who_look(present) if each not in SERVERS}
        yield from new_log(bench, SUITE, opened)
    yield from _of_many(bench, _who_look(present), bench.size(HELD_WITH_PEERS if bench.peers else HELD))
    if bench.full:
        yield from _of_many(bench, [OURS], bench.size(HELD_ALONE))


def _pure(bench: Bench) -> Sequence[Subject]:
    if find_spec("store.writing._native") is None:
        bench.note(f"{US}: measured without its native part, which is not built here")
        return ()
    return (OURS_PURE,)


def _peers(bench: Bench) -> Sequence[Subject]:
    if not bench.peers:
        return ()
    return [subject for subject in TO_INSTALL if bench.full or subject != EVENTSOURCING]


def _who_look(subjects: Sequence[Subject]) -> list[Subject]:
    """Leave out what has no indexes, and ourselves once more: reads and openings are all Python."""
    return [subject for subject in subjects if subject not in {OURS_PURE, SQLITE_UNINDEXED}]


def _appended(bench: Bench, workers: Mapping[str, Worker]) -> Iterator[Figure]:
    without_file = {each.name: workers[each.name] for each in (OURS, SQLITE, SQLITE_UNINDEXED)}
    yield from appends(bench, SUITE, without_file, IN_MEMORY)
    for load in (*IN_PAGE_CACHE.values(), *DURABLE.values(), *SINGLE, *(LONG if bench.full else ())):
        yield from appends(bench, SUITE, workers, load)


def _of_many(bench: Bench, subjects: Sequence[Subject], held: int) -> Iterator[Figure]:
    with fresh(bench.directory) as directory:
        logs = {subject.name: directory / subject.name for subject in subjects}
        yield from _held(bench, subjects, held, logs)
        opened = [each for each in subjects if each not in SERVERS and (bench.full or each in {OURS, SQLITE})]
        yield from after_crash(bench, SUITE, opened, held, logs)
        with crew(bench, subjects) as workers:
            yield from after_stop(bench, SUITE, {each.name: workers[each.name] for each in opened}, held, logs)
            yield from reads(bench, SUITE, workers, held, logs)


def _held(bench: Bench, subjects: Sequence[Subject], held: int, logs: Mapping[str, Path]) -> Iterator[Figure]:
    if bench.full:
        yield from filled(bench, SUITE, subjects, held, logs)
    else:
        fill_all(bench, subjects, held, logs)
