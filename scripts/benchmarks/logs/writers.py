"""Many writers of one event each, durable: what group commit is for. One writer shows what the actor adds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import trio

from actors.event_store.actor import EventStore
from actors.event_store.append_quota import AppendQuota
from actors.event_store.messages import NAME, AppendEvents
from actors.kernel import ChildSpec, Ref, Supervisor, running
from actors.ports import Ports
from actors.views import Views
from benchmarks.logs import workload
from benchmarks.logs.appends import AGENT, Load, round_of
from benchmarks.logs.worker import Worker
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest
from store import Append, EventLog, NewEvent

CROWD = 256
"""So many writers that a group waits whenever a sync ends."""

_POLICY = "group"
_TURNS = 10
"""How many events each of the crowd appends: a round of about 0.1 s."""

_ALONE = 200
"""How many events one writer appends, each with a sync of its own: a round of about 0.1 s."""


def one_writer(bench: Bench, suite: str, beside: Mapping[str, Worker]) -> Iterator[Figure]:
    """Measure one durable append at a time through the event store's actor, and by others without an actor."""
    work = Work(suite=suite, name="append 1 event through the actor", unit="us", durability=_POLICY)
    events = workload.events(bench.size(_ALONE))
    yield from contest(bench, [work], {US: _through_actor(bench, events, 1), **_peers(bench, beside)})


def crowd(bench: Bench, suite: str, beside: Mapping[str, Worker]) -> Iterator[Figure]:
    """Measure many writers at once through the event store's actor; others commit and sync each event."""
    name = f"{CROWD} writers of 1 event"
    work = Work(suite=suite, name=name, unit="events/s", better="higher", durability=_POLICY)
    tasks = bench.size(CROWD)
    ours = _through_actor(bench, workload.events(tasks * _TURNS), tasks)
    peers = {name: _rate(each, 1) for name, each in _peers(bench, beside).items()}
    yield from contest(bench, [work], {US: _rate(ours, tasks), **peers})


def _peers(bench: Bench, beside: Mapping[str, Worker]) -> dict[str, Round]:
    alone = Load(1, _ALONE, "always")
    return {name: round_of(bench, worker, alone) for name, worker in beside.items()}


def _rate(latencies_us: Round, tasks: int) -> Round:
    """Turn a round of latencies into one of a rate: `tasks` at a time work all the time."""

    def once() -> list[float]:
        took = latencies_us()
        return [tasks * len(took) / sum(took) * 1e6]

    return once


def _through_actor(bench: Bench, events: list[NewEvent], tasks: int) -> Round:
    """Make a round in which `tasks` writers share the events, each waiting for its append before the next."""

    def once() -> list[float]:
        with fresh(bench.directory) as directory:

            def store() -> EventStore:
                return EventStore(lambda: EventLog.open(directory, fsync=_POLICY), Ports(), Views("b"), AppendQuota())

            return trio.run(_write, Supervisor([ChildSpec(NAME, store)]), events, tasks)

    return once


async def _write(root: Supervisor, events: list[NewEvent], tasks: int) -> list[float]:
    took: list[float] = []
    async with running(root) as system:
        store = Ref(system, NAME)

        async def writer(share: list[NewEvent]) -> None:
            for event in share:
                began = time.perf_counter()
                stored = await store.ask(AppendEvents(Append(events=[event], agent=AGENT)))
                took.append((time.perf_counter() - began) * 1e6)
                assert stored.appended is not None, stored.refused

        async with trio.open_nursery() as nursery:
            for number in range(tasks):
                nursery.start_soon(writer, events[number::tasks])
    return took
