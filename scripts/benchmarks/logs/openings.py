"""Opening a log: an empty one, one that was stopped cleanly, one whose process died."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.logs.stores import Subject
from benchmarks.logs.worker import Worker, working
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest

_POLICY = "group"
_TIMES = 10
"""How many new logs a round opens, for one takes only a millisecond."""


def new_log(bench: Bench, suite: str, workers: Mapping[str, Worker]) -> Iterator[Figure]:
    """Measure how long it takes until a log that did not exist can be used."""

    def round_of(worker: Worker) -> Round:
        def once() -> list[float]:
            took_ms: list[float] = []
            for _ in range(bench.size(_TIMES)):
                with fresh(bench.directory) as directory:
                    took_ms += worker.ask("open", str(directory / "log"), _POLICY)
                    worker.ask("close")
            return took_ms

        return once

    yield from contest(
        bench, [_work(suite, "open a new log")], {name: round_of(each) for name, each in workers.items()}
    )


def after_crash(
    bench: Bench, suite: str, subjects: Sequence[Subject], held: int, logs: Mapping[str, Path]
) -> Iterator[Figure]:
    """Measure how long it takes until a log can be used whose process was killed; each time a copy of it."""

    def round_of(subject: Subject) -> Round:
        def once() -> list[float]:
            with fresh(bench.directory) as directory, working(bench, subject) as worker:
                assert worker is not None
                shutil.copytree(logs[subject.name], directory / "log")
                took_ms = worker.ask("open", str(directory / "log"), _POLICY)
                (head,) = worker.ask("head")
                assert head == held, f"{head} of {held} events survived the crash"
                return took_ms

        return once

    rounds = {subject.name: round_of(subject) for subject in subjects}
    work = _work(suite, f"open {held:,} events after a crash")
    yield from contest(bench, [work], rounds, rounds=3, warm=False)


def after_stop(
    bench: Bench, suite: str, workers: Mapping[str, Worker], held: int, logs: Mapping[str, Path]
) -> Iterator[Figure]:
    """Measure how long it takes until a log can be used that was stopped cleanly; the first opening makes it so."""

    def round_of(name: str, worker: Worker) -> Round:
        def once() -> list[float]:
            took_ms = worker.ask("open", str(logs[name]), _POLICY)
            worker.ask("close")
            return took_ms

        return once

    rounds = {name: round_of(name, worker) for name, worker in workers.items()}
    yield from contest(bench, [_work(suite, f"open {held:,} events after a clean stop")], rounds, rounds=3)


def _work(suite: str, name: str) -> Work:
    return Work(suite=suite, name=name, unit="ms", durability=_POLICY)
