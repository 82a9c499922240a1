"""Appends while thousands of queries wait for something else, beside appends while nobody waits."""

from __future__ import annotations

import time
from collections.abc import Iterator

import trio
import trio.testing

from actors.event_store.messages import NAME, QueryEvents
from actors.kernel import Ref
from benchmarks.halls.in_process import CALLER, hall
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench, Round, Work, contest, p99
from store import Append, NewEvent, Query

POLLS = 4_000
"""How many wait: as many as took an append from 2.5 to 125 ms when each commit asked the log for every one of them."""

NOBODY_WAITS = "nobody waits"

_APPENDS = 500
_WAIT_S = 600.0
"""How long each waits: longer than any run."""

_STILL_S = 0.05
"""How long nothing may happen until all count as waiting."""


def appends(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure appends of one event through a hall, its log in memory; seconds."""
    polls, count = bench.size(POLLS), bench.size(_APPENDS)
    name = f"append 1 event beside {polls:,} queries that wait for another agent's"
    works = [Work(suite=suite, name=name, unit="us"), Work(suite=suite, name=f"{name}, p99", unit="us", of=p99)]
    yield from contest(bench, works, {US: _round(polls, count), NOBODY_WAITS: _round(0, count)})


def _round(polls: int, count: int) -> Round:
    return lambda: trio.run(_measured, polls, count)


async def _measured(polls: int, count: int) -> list[float]:
    took: list[float] = []
    append = Append(events=[NewEvent(type="note")], agent=CALLER.principal.agent)
    asked = QueryEvents(Query(agents=("nobody",)), _WAIT_S, "greedy")

    async with hall() as opened, trio.open_nursery() as waiting:

        async def wait() -> None:  # past the desk, which lets one agent wait less often
            await Ref(opened.system, NAME).ask(asked, timeout_s=_WAIT_S)

        for _ in range(polls):
            waiting.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked(_STILL_S)
        for _ in range(count):
            began = time.perf_counter()
            await opened.gate.append_events(CALLER, append)
            took.append((time.perf_counter() - began) * 1e6)
        waiting.cancel_scope.cancel()
    return took
