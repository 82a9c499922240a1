"""A thousand agents that ask the same undecided thing: how many approvals and evaluations that takes, and how long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from operator import itemgetter

import trio
import trio.testing

from actors.desk.gate import Call, Caller, Gate
from actors.session.messages import Principal
from actors.speed_layer.policy.engine import Judged, Policy, Request, packs
from actors.speed_layer.policy.loading.compiled_rules import CompiledRules
from benchmarks.halls.in_process import CALLER, hall
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.runner import Bench, Work, contest

AGENTS = 1_000
UNDECIDED = Call("deploy", {"to": "production"}, "/home/dev/project")

_WAIT_S = 600.0
"""How long each waits for the decision: longer than any run, so that nobody gives up."""

_STILL_S = 0.05
"""How long nothing may happen until all count as waiting: longer than any one evaluation."""


class Counting(Policy):
    """The shipped policy, counting what it evaluates."""

    __slots__ = ("evaluated",)

    def __init__(self, tables: CompiledRules) -> None:
        super().__init__(tables)
        self.evaluated = 0

    def judge(self, request: Request) -> Judged:
        """Return the ruling on a request with the line that was judged."""
        self.evaluated += 1
        return super().judge(request)


def sharing(bench: Bench, suite: str) -> Iterator[Figure]:
    """Measure the question of a thousand agents, and its answer, before a hall of actors."""
    agents = bench.size(AGENTS)
    policy = Counting.load(packs(), check_examples=False)
    name = f"{AGENTS:,} agents ask the same undecided thing"
    works = [
        Work(suite=suite, name=f"{name}: approvals", unit="approvals", of=itemgetter(0)),
        Work(suite=suite, name=f"{name}: evaluations until all wait", unit="evaluations", of=itemgetter(1)),
        Work(suite=suite, name=f"{name}: each answer, once decided", unit="us", of=itemgetter(2)),
    ]
    yield from contest(bench, works, {US: lambda: trio.run(_ask, policy, agents)}, rounds=3)


async def _ask(policy: Counting, agents: int) -> list[float]:
    """Return how many approvals and evaluations there were, and what each answer took, in microseconds."""
    answers: list[str] = []

    async def wait(gate: Gate, number: int) -> None:
        caller = Caller(Principal(f"agent-{number}", "agent"), number)
        answers.extend(verdict.verdict for verdict in await gate.validate(caller, [UNDECIDED], _WAIT_S))

    async with hall(policy=policy) as opened, trio.open_nursery() as nursery:
        policy.evaluated = 0
        for number in range(agents):
            nursery.start_soon(wait, opened.gate, number)
        await trio.testing.wait_all_tasks_blocked(_STILL_S)
        pending, evaluated = (await opened.gate.pending_approvals(CALLER)).approvals, policy.evaluated
        assert sum(each.waiting for each in pending) == agents
        began = time.perf_counter()
        for each in pending:
            await opened.gate.decide(CALLER, each.id, "allow")
        while len(answers) < agents:
            await trio.lowlevel.checkpoint()
        took_us = (time.perf_counter() - began) * 1e6
    assert set(answers) == {"allow"}
    return [float(len(pending)), float(evaluated), took_us / agents]
