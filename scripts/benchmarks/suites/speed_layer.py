"""The speed layer's suite: verdicts inside the process, and through the gate of a whole hall.

Beside a verdict stands what it cannot do without: the parse of the shell line by tree-sitter, and the asks that the
gate makes of actors, as they cost between bare ones.
"""

from __future__ import annotations

import importlib.util
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import msgspec
import tree_sitter
import tree_sitter_bash
import trio
import trio.testing

from actors.cache.verdict_table import VerdictTable
from actors.desk.gate import Call
from actors.speed_layer.policy.engine import Policy, Request, Ruling, canonical
from benchmarks.halls.health_beside_batch import beside_batch
from benchmarks.halls.in_process import CALLER, Opened, hall
from benchmarks.halls.shared_approval import sharing
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.processes import said_by
from benchmarks.measuring.runner import Bench, Round, Work, contest, mean, p99
from benchmarks.measuring.shell_commands import PLAIN, corpus, fresh_calls, mixed_calls
from benchmarks.peers.installed import INSTALL
from benchmarks.suites import kernel

SUITE = "speed-layer"
T = TypeVar("T")

PARSE = "tree-sitter parse alone"
PEERS = {
    "bashlex parse alone": "bashlex",
    "cedarpy on the line as text": "cedarpy",
    "casbin on the line as text": "casbin",
}
"""What stands beside a verdict, and the package that each needs; `shell_judges` says what they do."""

_REPEATS = 2_000
"""How many calls a round makes: the 99th percentile then rests on twenty of them."""

_BATCH = 1_000
"""The largest batch that `validate_batch` takes."""

_fresh = itertools.count(0, 1_000_000)
"""Where each round's new directories begin: no round has as many calls as lie between two."""


def suite(bench: Bench) -> Iterator[Figure]:
    """Measure verdicts; about a minute."""
    yield from decide(bench, SUITE)
    yield from look_up(bench, SUITE)
    yield from gate_cached(bench, SUITE)
    yield from gate_fresh(bench)
    yield from mixed(bench, SUITE)
    yield from batch(bench)
    yield from sharing(bench, SUITE)
    yield from beside_batch(bench, SUITE)


def decide(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure the policy on every command of the corpus, each round in new directories: no ruling is known yet."""
    policy = Policy.default()
    calls = corpus()[: bench.size(len(corpus()))]

    def fresh() -> Sequence[float]:
        requests = [Request(call.tool, call.input, call.cwd) for call in fresh_calls(len(calls), next(_fresh))]
        return _each(policy.decide, requests)()

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
    lines = [str(call.input["command"]).encode() for call in calls]
    subjects = {US: fresh, PARSE: _each(parser.parse, lines), **_peers(bench, len(calls))}
    yield from contest(bench, _mean_and_p99(suite, "verdict on a shell command, in the process"), subjects)


def _peers(bench: Bench, count: int) -> dict[str, Round]:
    """Return what others take for their part of the same commands, each round in a new process."""

    def round_of(kind: str) -> Round:
        command = ["-m", "benchmarks.peers.shell_judges", kind, str(count)]
        return lambda: msgspec.json.decode(said_by(command), type=list[float])

    wanted = PEERS if bench.peers else {}
    for name, kind in wanted.items():
        if importlib.util.find_spec(kind) is None:
            bench.note(f"{name}: not measured, {kind} is not installed; {INSTALL}")
    return {name: round_of(kind) for name, kind in wanted.items() if importlib.util.find_spec(kind) is not None}


def look_up(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure finding a cached verdict: canonical form, key, table."""
    verdicts, policy = VerdictTable(), Policy.default()
    version = policy.version

    def find(call: Call) -> Ruling | None:
        return verdicts.get(verdicts.key(version, "agent", canonical(call.tool, call.input, call.cwd)))

    key = verdicts.key(version, "agent", canonical(PLAIN.tool, PLAIN.input, PLAIN.cwd))
    verdicts.table[key] = policy.decide(Request(PLAIN.tool, PLAIN.input, PLAIN.cwd))
    work = Work(suite=suite, name="cached verdict, in the process", unit="us", of=mean)
    yield from contest(bench, [work], {US: _each(find, [PLAIN] * bench.size(_REPEATS))})


def gate_cached(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure a cached verdict through session and cache, beside the one ask in it."""
    count = bench.size(_REPEATS)
    ours = _through_gate(lambda: [PLAIN] * count, cached=True)
    asks = kernel.in_trio(kernel.ask, count, 1)
    work = Work(suite=suite, name="validate through the gate, cached", unit="us", of=mean)
    yield from contest(bench, [work], {US: ours, "1 bare ask": asks})


def gate_fresh(bench: Bench) -> Iterator[Figure]:
    """Measure verdicts that no cache knows, beside the two asks that those cost which no rule decides."""
    count = bench.size(_REPEATS)
    ours = _through_gate(lambda: fresh_calls(count, next(_fresh)), cached=False)
    asks = kernel.in_trio(kernel.ask, count, 1)

    def two_asks() -> list[float]:
        return [2 * asks()[0]]

    work = Work(suite=SUITE, name="validate through the gate, not cached", unit="us", of=mean)
    yield from contest(bench, [work], {US: ours, "2 bare asks": two_asks})


def mixed(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure a stream of commands as agents repeat them, from an empty cache."""
    calls = mixed_calls(bench.size(_REPEATS))
    works = _mean_and_p99(suite, "validate through the gate, mixed stream")
    yield from contest(bench, works, {US: _through_gate(lambda: calls)})


def batch(bench: Bench) -> Iterator[Figure]:
    """Measure one message with many requests that no cache knows, for each of them."""
    size = bench.size(_BATCH)

    async def work(opened: Opened) -> list[float]:
        calls = fresh_calls(size, next(_fresh))
        began = time.perf_counter()
        verdicts = await opened.gate.validate(CALLER, calls)
        took_us = (time.perf_counter() - began) * 1e6
        assert len(verdicts) == size
        return [took_us / size]

    name = f"validate, a batch of {_BATCH:,}, not cached, each"
    yield from contest(bench, [Work(suite=SUITE, name=name, unit="us")], {US: in_a_hall(work)})


def in_a_hall(work: Callable[[Opened], Awaitable[list[float]]]) -> Round:
    """Make a round of an async function that is given a new hall, whose session and cache are warm."""

    async def measured() -> list[float]:
        async with hall() as opened:
            await opened.gate.validate(CALLER, [PLAIN])
            await trio.testing.wait_all_tasks_blocked()
            return await work(opened)

    return lambda: trio.run(measured)


def _through_gate(calls: Callable[[], Sequence[Call]], *, cached: bool | None = None) -> Round:
    """Validate one call after the other; observes each latency, and fails if a verdict is not cached as expected."""

    async def work(opened: Opened) -> list[float]:
        took: list[float] = []
        validate = opened.gate.validate
        for call in calls():
            began = time.perf_counter()
            (verdict,) = await validate(CALLER, [call])
            took.append((time.perf_counter() - began) * 1e6)
            assert cached is None or verdict.cached == cached, f"{call.input}: cached is {verdict.cached}"
        return took

    return in_a_hall(work)


def _each(function: Callable[[T], object], arguments: Sequence[T]) -> Round:
    """Call a function with each argument and observe each latency, in microseconds."""

    def once() -> list[float]:
        took: list[float] = []
        for argument in arguments:
            began = time.perf_counter()
            function(argument)
            took.append((time.perf_counter() - began) * 1e6)
        return took

    return once


def _mean_and_p99(suite: str, name: str) -> list[Work]:
    return [
        Work(suite=suite, name=f"{name}, mean", unit="us", of=mean),
        Work(suite=suite, name=f"{name}, p99", unit="us", of=p99),
    ]
