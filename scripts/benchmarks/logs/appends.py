"""Appending batches to a log: ours, others with the same indexes, and the bare disk."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from benchmarks.logs import workload
from benchmarks.logs.stores import SYNCS_ALWAYS
from benchmarks.logs.worker import Worker
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest

_WHERE = {
    1: ", one stream",
    workload.DEFAULT_STREAM: ", to the agent's own stream",
    workload.NEW_STREAMS: ", each to a new stream",
}
"""What stands in the name of a work whose events are not mixed over many streams."""


class Load(NamedTuple):
    """What a round appends to a new log.

    Attributes:
        size: Events in a batch.
        events: Events in all.
        policy: `always`, `never`, or `memory` for a log that has no file.
        streams: Over how many streams the events are mixed; or `DEFAULT_STREAM` or `NEW_STREAMS`.
    """

    size: int
    events: int
    policy: str
    streams: int = workload.STREAMS


def appends(bench: Bench, suite: str, workers: Mapping[str, Worker], load: Load) -> Iterator[Figure]:
    """Measure appends by each store that has a process; what syncs in any case has a part in `always` alone.

    A store's log is the same in every round, and has all streams from the beginning.

    Yields:
        For batches of one the median latency, else events a second.
    """
    taking_part = {
        name: worker for name, worker in workers.items() if load.policy == "always" or name not in SYNCS_ALWAYS
    }
    with rounds_of(bench, taking_part, load) as subjects:
        yield from contest(bench, [work_of(suite, load)], subjects)


def work_of(suite: str, load: Load) -> Work:
    """Name the work of appending batches of a size, and say how it counts."""
    where = _WHERE.get(load.streams, "")
    if load.policy == "memory":
        return Work(suite=suite, name=f"append 1 event{where}, in memory", unit="us")
    if load.size == 1:
        return Work(suite=suite, name=f"append 1 event{where}", unit="us", durability=load.policy)
    return Work(
        suite=suite,
        name=f"append, batches of {load.size:,}{where}",
        unit="events/s",
        better="higher",
        durability=load.policy,
        of=lambda took_us: load.size * len(took_us) / sum(took_us) * 1e6,
    )


@contextmanager
def rounds_of(bench: Bench, workers: Mapping[str, Worker], load: Load) -> Generator[dict[str, Round]]:
    """Open a new log of each store, with all streams begun, until the block ends.

    Yields:
        For each store a round that appends to its log and observes each append's latency, in microseconds.
    """
    count, begun = bench.size(load.events), load.streams if load.streams < 1 else bench.size(load.streams)
    with fresh(bench.directory) as directory:
        for number, worker in enumerate(workers.values()):
            worker.ask("open", str(directory / str(number)), load.policy)
            worker.ask("settle", begun)
        yield {name: partial(worker.ask, "fill", count, load.size, load.streams) for name, worker in workers.items()}
        for worker in workers.values():
            worker.ask("close")
