"""How things are measured: subjects take turns round by round, medians count, and the spread is kept.

Machines are noisy, and their noise drifts: a subject that is measured after another is measured on another machine. So
within each round every subject does the work once, the order turns from round to round, and what is claimed is the
ratio of medians, with its range over the rounds. A first round that warms caches and imports is thrown away.
"""

from __future__ import annotations

import gc
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks.measuring.figure import US, Figure

Round = Callable[[], Sequence[float]]
"""Does the work once and returns what it observed, at least one value: a latency of each operation, or one rate."""


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean."""
    return statistics.fmean(values)


def p50(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile by nearest rank: the smallest value that 99 % of the values do not exceed."""
    return _ranked(values, 0.99)


def p999(values: Sequence[float]) -> float:
    """Return the 99.9th percentile by nearest rank."""
    return _ranked(values, 0.999)


def _ranked(values: Sequence[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured, and how a round's observations become one value.

    Attributes:
        suite: As in `Figure`; so are `name` (its `work`), `unit`, `better` and `durability`.
        of: Makes one value of what a round observed.
    """

    suite: str
    name: str
    unit: str
    better: Literal["lower", "higher"] = "lower"
    durability: str | None = None
    of: Callable[[Sequence[float]], float] = p50


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """What a suite is given.

    Attributes:
        directory: An empty directory on the disk that durable work is measured on.
        peers: Whether to measure peers that have to be installed (the `bench` extra).
        note: Says something on stderr.
        rounds: How many rounds count; of five the median survives two that the machine disturbed.
        share: The share of the full amount of work, for tests.
        full: Whether to measure what takes long, too.
    """

    directory: Path
    peers: bool
    note: Callable[[str], None]
    rounds: int = 5
    share: float = 1.0
    full: bool = False

    def size(self, full: int) -> int:
        """Return how much of an amount of work to do: at least one."""
        return max(1, round(full * self.share))


_RANGE = 2
"""How many rounds it takes at the least to say from where to where something went."""

Suite = Callable[[Bench], Iterator[Figure]]


def contest(
    bench: Bench, works: Sequence[Work], subjects: Mapping[str, Round], rounds: int | None = None, *, warm: bool = True
) -> Iterator[Figure]:
    """Measure subjects in turns.

    Args:
        bench: How many rounds, and where to say what goes on.
        works: The figures that each subject's observations become.
        subjects: Each subject's round, by its name.
        rounds: How many rounds count at the most, where the bench's own number would take too long.
        warm: Whether a first round is thrown away; where each round is a new process there is nothing to warm.

    Yields:
        A figure for each work and subject.
    """
    bench.note(f"{works[0].suite}: {works[0].name}")
    rounds = bench.rounds if rounds is None else min(rounds, bench.rounds)
    names = list(subjects)
    observed: dict[str, list[Sequence[float]]] = {name: [] for name in names}
    for number in range(-1 if warm else 0, rounds):
        for name in names:
            gc.collect()
            values = subjects[name]()
            if number >= 0:
                observed[name].append(values)
        names.append(names.pop(0))
    for work in works:
        reduced = {subject: [work.of(values) for values in observed[subject]] for subject in subjects}
        for subject, values in reduced.items():
            yield _figure(work, subject, values, reduced.get(US, []) if subject != US else [])


def _figure(work: Work, subject: str, values: list[float], ours: list[float]) -> Figure:
    return Figure(
        suite=work.suite,
        work=work.name,
        subject=subject,
        value=_rounded(statistics.median(values)),
        unit=work.unit,
        better=work.better,
        durability=work.durability,
        spread=(_rounded(min(values)), _rounded(max(values))),
        runs=len(values),
        times_better=_times_better(work, values, ours),
    )


def _times_better(work: Work, values: list[float], ours: list[float]) -> tuple[float, float] | None:
    """Return the lowest and the highest ratio to ours of any round; one round alone has no range."""
    if len(values) < _RANGE or not ours or not all([*values, *ours]):
        return None
    of_rounds = zip(values, ours, strict=True)
    ratios = [our / their if work.better == "lower" else their / our for their, our in of_rounds]
    return _rounded(min(ratios)), _rounded(max(ratios))


def _rounded(value: float) -> float:
    """Keep four significant digits: more would be noise."""
    return float(f"{value:.4g}")
