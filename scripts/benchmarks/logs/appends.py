"""Appending batches to a log: ours, others with the same indexes, and the bare disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchmarks.logs import workload
from benchmarks.logs.stores import SYNCS_ALWAYS
from benchmarks.logs.worker import Worker
from benchmarks.measuring.figure import Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest

_WHERE = {1: ", one stream", workload.DEFAULT_STREAM: ", to the agent's own stream"}
"""What stands in the name of a work whose events are not mixed over many streams."""


class Load(NamedTuple):
    """What a round appends to a new log.

    Attributes:
        size: Events in a batch.
        events: Events in all.
        policy: `always`, `never`, or `memory` for a log that has no file.
        streams: Over how many streams the events are mixed; none for each agent's own, which events do not name.
    """

    size: int
    events: int
    policy: str
    streams: int = workload.STREAMS


def appends(bench: Bench, suite: str, workers: Mapping[str, Worker], load: Load) -> Iterator[Figure]:
    """Measure appends by each store that has a process; what syncs in any case has a part in `always` alone.

    Yields:
        For batches of one the median latency, else events a second.
    """
    subjects = {
        name: round_of(bench, worker, load)
        for name, worker in workers.items()
        if load.policy == "always" or name not in SYNCS_ALWAYS
    }
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


def round_of(bench: Bench, worker: Worker, load: Load) -> Round:
    """Make a round that appends to a new log and observes each append's latency, in microseconds."""
    count = bench.size(load.events)
    return lambda: worker.ask("appends", str(bench.directory), load.policy, load.size, count, load.streams)
