"""Reading from logs that hold many events: by type, by stream, and everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.logs import workload
from benchmarks.logs.worker import Worker
from benchmarks.measuring.figure import Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest

LAST = 100
"""How many of the newest events of a type a query asks for."""

REVISION = 50
"""Where a stream is read from: in the middle, in a log of a million events over ten thousand streams."""

_OF_STREAM = 40
"""How many events of a stream a query asks for: a stream of a million events has as many behind that."""

_TIMES = 50
"""How many queries a round makes: each takes less than a millisecond."""


def reads(
    bench: Bench, suite: str, workers: Mapping[str, Worker], held: int, logs: Mapping[str, Path]
) -> Iterator[Figure]:
    """Measure reads from logs that hold `held` events; leaves them open."""
    for name, worker in workers.items():
        worker.ask("open", str(logs[name]), "never")
    times, revision = bench.size(_TIMES), min(REVISION, held // workload.STREAMS // 2)

    def each(what: str, *arguments: str | int) -> dict[str, Round]:
        return {name: partial(worker.ask, what, *arguments) for name, worker in workers.items()}

    rare = Work(suite=suite, name=f"the last {LAST} of a rare type, of {held:,} events", unit="us")
    yield from contest(bench, [rare], each("newest", workload.RARE, LAST, times), rounds=3)
    stream = Work(suite=suite, name=f"a stream from revision {revision}, of {held:,} events", unit="us")
    yield from contest(bench, [stream], each("stream", workload.first_stream(), revision, _OF_STREAM, times))
    replay = Work(suite=suite, name=f"replay {held:,} events, decoded", unit="events/s", better="higher")
    yield from contest(bench, [replay], each("replay"), rounds=3, warm=False)
