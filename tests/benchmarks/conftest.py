"""What tests of the benchmarks are given: a bench that takes no time, and figures as if they had been measured."""

from __future__ import annotations

import gc

import pytest

from benchmarks.measuring.figure import US, Conditions, Figure, Machine, Record
from benchmarks.measuring.runner import Bench

CONDITIONS = Conditions(
    machine=Machine(
        cpus=2,
        model="A Processor",
        python="CPython 3.11.7",
        kernel="Linux 6",
        filesystem="ext4",
        write_fdatasync_us=160.0,
    ),
    version="0.1.0",
    revision="abc",
)


def made(
    value=10.0,
    *,
    subject=US,
    better="lower",
    spread=None,
    work="ask",
    suite="kernel",
    durability=None,
    times_better=None,
):
    return Figure(
        suite=suite,
        work=work,
        subject=subject,
        value=value,
        unit="us" if better == "lower" else "events/s",
        better=better,
        durability=durability,
        spread=spread or (value - 1, value + 1),
        runs=5,
        times_better=times_better,
    )


@pytest.fixture
def figure():
    """Makes a figure."""
    return made


@pytest.fixture
def record():
    """Makes a saved run of figures."""
    return lambda figures: Record(conditions=CONDITIONS, figures=figures)


@pytest.fixture
def notes():
    return []


@pytest.fixture
def small(tmp_path, notes):
    # Each subject's turn begins with a full collection, which would take longer here than its work.
    gc.freeze()
    yield Bench(directory=tmp_path, peers=True, note=notes.append, rounds=1, share=0.01)
    gc.unfreeze()
