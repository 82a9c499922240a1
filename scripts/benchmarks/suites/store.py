"""The store's suite: appends, writers that crowd the actor, fills, openings and reads, against others and the disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.halls import append_beside_polls
from benchmarks.logs import writers
from benchmarks.logs.appends import Load, appends
from benchmarks.logs.filling import filled, stalls
from benchmarks.logs.openings import after_crash, after_stop, new_log
from benchmarks.logs.reads import reads
from benchmarks.logs.stores import DISK, OURS, SQLITE, TO_INSTALL, Subject
from benchmarks.logs.worker import absent, crew
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import Figure
from benchmarks.measuring.runner import Bench

SUITE = "store"

APPENDED = (
    Load(1, 200, "always"),
    Load(1, 2_000, "never"),
    Load(100, 5_000, "always"),
    Load(100, 10_000, "never"),
    Load(1_000, 10_000, "always"),
    Load(1_000, 20_000, "never"),
    Load(10_000, 20_000, "always"),
    Load(10_000, 20_000, "never"),
)
"""What a round appends, over ten thousand streams and over one; less where each batch waits for the disk."""

HELD = 200_000
"""How many events the logs hold that are read and opened, without peers that take long to fill."""

HELD_WITH_PEERS = 1_000_000
"""How many with them: seven complete segments of ours."""

SLOWEST_OF = 1_000_000
"""How many events are appended while the slowest append is looked for: seven segments are completed meanwhile."""


def suite(bench: Bench) -> Iterator[Figure]:
    """Measure the store; a minute, with peers five."""
    wanted = [OURS, SQLITE, *(TO_INSTALL if bench.peers else ())]
    with crew(bench, [*wanted, DISK]) as workers:
        yield from absent(SUITE, wanted, workers)
        for load in APPENDED:
            yield from appends(bench, SUITE, workers, load)
            yield from appends(bench, SUITE, workers, load._replace(streams=1))
        beside = {subject.name: workers[subject.name] for subject in (SQLITE, DISK)}
        yield from writers.one_writer(bench, SUITE, beside)
        yield from writers.crowd(bench, SUITE, beside)
        yield from append_beside_polls.appends(bench, SUITE)
        yield from stalls(bench, SUITE, workers, bench.size(SLOWEST_OF))
        yield from new_log(bench, SUITE, {name: worker for name, worker in workers.items() if name != DISK.name})
        present = [subject for subject in wanted if subject.name in workers]
    yield from _of_many(bench, present, bench.size(HELD_WITH_PEERS if bench.peers else HELD))


def _of_many(bench: Bench, subjects: Sequence[Subject], held: int) -> Iterator[Figure]:
    with fresh(bench.directory) as directory:
        logs = {subject.name: directory / subject.name for subject in subjects}
        yield from filled(bench, SUITE, subjects, held, logs)
        yield from after_crash(bench, SUITE, subjects, held, logs)
        with crew(bench, subjects) as workers:
            yield from after_stop(bench, SUITE, workers, held, logs)
            yield from reads(bench, SUITE, workers, held, logs)
