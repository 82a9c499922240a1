"""Many writers of one event each, durable: what group commit is for. One writer shows what the actor adds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial

import trio

from actors.event_store.actor import EventStore
from actors.event_store.append_quota import AppendQuota
from actors.event_store.messages import NAME, AppendEvents
from actors.kernel import ChildSpec, Ref, Supervisor, running
from actors.ports import Ports
from actors.views import Views
from benchmarks.logs import workload
from benchmarks.logs.appends import Load, rounds_of
from benchmarks.logs.stores import UMADB
from benchmarks.logs.worker import Worker
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest
from store import Append, EventLog

CROWD = 256
"""So many writers that a group waits whenever a sync ends."""

_POLICY = "group"
_TURNS = 10
"""How many events each of the crowd appends: a round of about 0.1 s."""

_ALONE = 200
"""How many events one writer appends, each with a sync of its own: a round of about 0.1 s."""

_ONE_BY_ONE = Load(1, _ALONE, "always")


def one_writer(bench: Bench, suite: str, beside: Mapping[str, Worker]) -> Iterator[Figure]:
    """Measure one durable append at a time through the event store's actor, and by others without an actor."""
    work = Work(suite=suite, name="append 1 event through the actor", unit="us", durability=_POLICY)
    count = bench.size(_ALONE)

    def ours() -> list[float]:
        return _through_actor(bench, 1, count)[0]

    with rounds_of(bench, beside, _ONE_BY_ONE) as peers:
        yield from contest(bench, [work], {US: ours, **peers})


def crowd(bench: Bench, suite: str, beside: Mapping[str, Worker]) -> Iterator[Figure]:
    """Measure many writers at once through the event store's actor, the making of their events included.

    A server has as many threads as we have writers; others commit and sync each event.
    """
    name = f"{CROWD} writers of 1 event"
    work = Work(suite=suite, name=name, unit="events/s", better="higher", durability=_POLICY)
    tasks = bench.size(CROWD)

    def ours() -> list[float]:
        took_us, seconds = _through_actor(bench, tasks, _TURNS)
        return [len(took_us) / seconds]

    alone = {name: worker for name, worker in beside.items() if name != UMADB.name}
    served = {
        name: partial(worker.ask, "crowd", str(bench.directory), tasks, _TURNS)
        for name, worker in beside.items()
        if name == UMADB.name
    }
    with rounds_of(bench, alone, _ONE_BY_ONE) as rounds:
        peers = {name: _rate(each) for name, each in rounds.items()}
        yield from contest(bench, [work], {US: ours, **peers, **served})


def _rate(latencies_us: Round) -> Round:
    """Turn a round of latencies into one of a rate."""

    def once() -> list[float]:
        took = latencies_us()
        return [len(took) / sum(took) * 1e6]

    return once


def _through_actor(bench: Bench, tasks: int, turns: int) -> tuple[list[float], float]:
    """Have `tasks` writers append `turns` events each, waiting for each append before they make the next event.

    Returns:
        Each append's latency in microseconds, and how many seconds all took together.
    """
    with fresh(bench.directory) as directory:
        with EventLog.open(directory) as log:
            for agent, batch in workload.beginnings(bench.size(workload.STREAMS)):
                log.append(batch, agent=agent)

        def store() -> EventStore:
            return EventStore(lambda: EventLog.open(directory, fsync=_POLICY), Ports(), Views("b"), AppendQuota())

        return trio.run(_write, Supervisor([ChildSpec(NAME, store)]), tasks, turns)


async def _write(root: Supervisor, tasks: int, turns: int) -> tuple[list[float], float]:
    took: list[float] = []
    async with running(root) as system:
        store = Ref(system, NAME)

        async def writer(number: int) -> None:
            agent = workload.AGENTS[number % len(workload.AGENTS)]
            for events in workload.batches(turns, 1, seed=number):
                began = time.perf_counter()
                stored = await store.ask(AppendEvents(Append(events=events, agent=agent)))
                took.append((time.perf_counter() - began) * 1e6)
                assert stored.appended is not None, stored.refused

        began = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for number in range(tasks):
                nursery.start_soon(writer, number)
        return took, time.perf_counter() - began
