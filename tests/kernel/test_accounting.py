"""A million tells and asks through a tree that crashes: nothing is unaccounted for, and memory stays flat."""

from __future__ import annotations

import gc
import random
import tracemalloc

import pytest
import trio

from actors.kernel import (
    Actor,
    ActorError,
    Ask,
    ChildSpec,
    Intensity,
    MailboxFull,
    Ref,
    Supervisor,
    System,
    Tell,
    running,
)

WORKERS = 4
ASKERS = 16
MESSAGES = 1_000_000
ASK_S = 0.2
"""Short, because what watches the deadlines keeps a bucket for each hundredth of a second that lies ahead."""


class Add(Tell, frozen=True):
    n: int


class Total(Ask[int], frozen=True):
    pass


class Boom(Tell, frozen=True):
    pass


class Summer(Actor):
    accepts = Add | Total | Boom
    capacity = 64

    def __init__(self):
        self.total = 0

    async def handle(self, message, reply):
        match message:
            case Add(n):
                self.total += n
            case Boom():
                raise RuntimeError("boom")
            case Total():
                return self.total
        return None


class Outcomes:
    def __init__(self):
        self.sent = 0
        self.refused = 0
        self.answered = 0
        self.failed = 0

    async def work(self, system, rng, count):
        for n in range(count):
            ref = Ref(system, f"summer-{rng.randrange(WORKERS)}")
            try:
                if n % 4:
                    ref.tell(Add(n))
                    self.sent += 1
                elif n % 20_000 == 0:
                    ref.tell(Boom())
                    self.sent += 1
                else:
                    self.sent += 1
                    await ref.ask(Total(), timeout_s=ASK_S)
                    self.answered += 1
            except MailboxFull:
                self.refused += 1
                self.sent -= n % 4 == 0 and n % 20_000 != 0
                await trio.lowlevel.checkpoint()
            except ActorError:
                self.failed += 1
                await trio.sleep(0.001)


async def run(count):
    system, outcomes = System(random.Random(1)), Outcomes()
    children = [ChildSpec(f"summer-{n}", Summer) for n in range(WORKERS)]
    patient = Intensity(restarts=1_000_000, backoff_s=0.0001, backoff_max_s=0.001)
    held = []
    async with running(Supervisor(children, intensity=patient), system=system):
        for _ in range(4):
            async with trio.open_nursery() as nursery:
                for n in range(ASKERS):
                    nursery.start_soon(outcomes.work, system, random.Random(n), count // ASKERS // 4)
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0)
    return system, outcomes, held


@pytest.mark.slow
async def test_a_million_messages_through_crashes_are_all_accounted_for():
    system, outcomes, _ = await run(MESSAGES)
    figures = system.statistics().values()
    received = sum(each.received for each in figures)
    assert received == sum(each.handled + each.expired + each.dropped + each.lost for each in figures)
    assert sum(each.failed for each in figures) > 10
    assert outcomes.answered + outcomes.failed + outcomes.refused > MESSAGES // 5
    assert outcomes.sent >= received
    assert received > MESSAGES // 2


@pytest.mark.slow
async def test_memory_is_flat_while_messages_pass():
    tracemalloc.start()
    try:
        _, _, held = await run(100_000)
    finally:
        tracemalloc.stop()
    assert held[-1] - held[0] < 200_000
