"""Health while another agent's batches of costly lines are judged: what one agent can do to the others."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import trio

from actors.desk.gate import Call, Caller, Gate
from actors.session.messages import Principal
from benchmarks.halls import in_process, requests
from benchmarks.halls.in_memory_connection import connection
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench, Work, contest, p99
from benchmarks.measuring.shell_commands import CWD

LINES = 1_000
"""The largest batch that `validate_batch` takes: 80 KB of them."""

REMEMBERED = 15
"""How many decisions are remembered as rules, each of which might be about every line."""

IDLE = "the same hall, idle"

_CALLS = 300
"""How many calls a round makes: the 99th percentile then rests on three of them."""

_WITHIN_S = 0.01
"""How long to wait between two calls, in seconds, as a monitor does: the loop is busy with the batch meanwhile."""

_FLOOD = Caller(Principal("flood", "admin"), 2)
"""Who sends the batches: an admin, since an agent's limit would end them."""

_numbers = itertools.count()


def beside_batch(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure calls of `health`, message in to reply out, while another agent's batches are judged."""
    count = bench.size(_CALLS)
    name = f"health while another agent has {LINES:,} costly lines judged, {REMEMBERED} rules remembered, p99"
    works = [Work(suite=suite, name=name, unit="ms", of=p99)]
    subjects = {
        US: lambda: trio.run(_measured, count, bench.size(LINES)),
        IDLE: lambda: trio.run(_measured, count, 0),
    }
    yield from contest(bench, works, subjects, rounds=3)


async def _measured(count: int, lines: int) -> list[float]:
    took: list[float] = []
    async with in_process.hall() as hall, connection(hall.gate) as exchange, trio.open_nursery() as nursery:
        await _remember(hall.gate)
        if lines:
            nursery.start_soon(_flood, hall.gate, lines)
        for frame in requests.health(count):
            await trio.sleep(_WITHIN_S)
            began = time.perf_counter()
            await exchange(frame)
            took.append((time.perf_counter() - began) * 1e3)
        nursery.cancel_scope.cancel()
    return took


async def _remember(gate: Gate) -> None:
    for number in range(REMEMBERED):
        (verdict,) = await gate.validate(_FLOOD, [Call("Bash", {"command": f"frob{number} deploy a.toml"}, CWD)])
        assert verdict.approval is not None
        await gate.decide(in_process.CALLER, verdict.approval.id, "allow", remember="rule")


async def _flood(gate: Gate, lines: int) -> None:
    while True:
        calls = [Call("Bash", {"command": _doubling(next(_numbers))}, CWD) for _ in range(lines)]
        with trio.move_on_after(4.0):
            await gate.validate(_FLOOD, calls)


def _doubling(number: int) -> str:
    """Return a line of functions that call one another twice: 32 commands and as many calls."""
    return f"a(){{ f{number:06};ls; }};b(){{ a;a; }};c(){{ b;b; }};d(){{ c;c; }};e(){{ d;d; }};e src/a.py"
