"""Judging for many agents on one loop: a slice at a time, in turns.

It is deficit round robin (M. Shreedhar and G. Varghese, Efficient Fair Queuing Using Deficit Round-Robin, 1995) over
time: each agent that has work gets a slice a round, and one whose request took longer than its slice sits rounds out
until the others have had as much. Between two slices all other tasks of the loop get their turn. So a thousand costly
requests of one agent cost another agent one slice, and the loop's other tasks no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import trio

SLICE_S: Final = 0.002
"""How long one agent's requests are judged before all others get a turn, in seconds; the last may go over it by 5 ms.

As long as 40 usual requests take: the checkpoint behind it (4 us) is 0.2 % of it.
"""

RENEWED_S: Final = SLICE_S / 2
"""After so much of the slice of published rulings a new one begins in the next turn, in seconds.

To begin one costs a turn of a task (4 us), so it is not done for each ruling; and done only at the end of a slice, one
ruling in twenty would find it used up and take the way through the speed layer.
"""

SLICE_REQUESTS: Final = 64
"""How many requests are judged in a slice, however quick they are: under a clock that stands still it has no end."""

MAX_DEFICIT_S: Final = 0.05
"""How much of the others' time an agent makes up for at the most, in seconds: a request takes a tenth of it, so that
more was the machine's doing."""

MAX_WAITING: Final = 4096
"""How many messages may wait for their turn: each of two thousand agents may have two."""

MAX_WAITING_OF_AN_AGENT: Final = 256
"""How many of them one agent may have: the requests that may be under way on eight of its connections."""

Charge = Callable[[str, str, float, int], None]
"""Told that judging so many requests of an agent in a role took so long, in seconds."""


class Job(NamedTuple):
    """One message's work.

    Attributes:
        role: In which role its agent asks.
        work: Judges one request a step; the last step answers.
        wanted: Says whether somebody still waits for the answer.
    """

    role: str
    work: Iterator[None]
    wanted: Callable[[], bool]


class Turns:
    """The messages that wait to be judged, by agent. Only `run` and `drained` checkpoint.

    Args:
        charge: Told what each agent has used.
    """

    def __init__(self, charge: Charge) -> None:
        self._charge = charge
        self._waiting: dict[str, deque[Job]] = {}
        self._credit_s: dict[str, float] = {}
        self._count = 0
        self._added = trio.Event()
        self._idle = trio.Event()
        self._idle.set()

    def add(self, agent: str, job: Job) -> bool:
        """Let a message wait for its turn; False where too many wait already."""
        jobs = self._waiting.get(agent, ())
        if len(jobs) >= MAX_WAITING_OF_AN_AGENT or self._count >= MAX_WAITING:
            return False
        self._waiting.setdefault(agent, deque()).append(job)
        self._count += 1
        self._added.set()
        if self._idle.is_set():
            self._idle = trio.Event()
        return True

    async def run(self) -> None:
        """Judge what waits, for ever; a checkpoint after each slice."""
        while True:
            await self._added.wait()
            while self._waiting:
                if self._turn():
                    await trio.lowlevel.checkpoint()
            self._added = trio.Event()
            self._idle.set()

    async def drained(self) -> None:
        """Wait until nothing waits for its turn; a checkpoint."""
        await self._idle.wait()

    def _turn(self) -> bool:
        """Give the next agent its turn; returns whether it did something."""
        agent = next(iter(self._waiting))
        jobs = self._waiting.pop(agent)
        credit_s = self._credit_s.pop(agent, 0.0) + SLICE_S if self._waiting else SLICE_S
        runs = credit_s > 0.0
        if runs:
            credit_s -= self._slice(agent, jobs, credit_s)
        if jobs:
            self._waiting[agent] = jobs  # behind all others
            self._credit_s[agent] = min(0.0, max(credit_s, -MAX_DEFICIT_S))
        return runs

    def _slice(self, agent: str, jobs: deque[Job], credit_s: float) -> float:
        """Judge an agent's requests until its credit is used; returns how long that took, in seconds."""
        began = now = trio.current_time()
        until, left = began + credit_s, SLICE_REQUESTS
        while jobs and left and (now < until or now == began):
            job, started, before = jobs[0], now, left
            done = not job.wanted()
            while not done and left and (now < until or now == began):
                done = next(job.work, _DONE) is _DONE
                left -= 1
                now = trio.current_time()
            if done:
                jobs.popleft()
                self._count -= 1
            self._charge(agent, job.role, now - started, before - left)
        return now - began


_DONE: Final = object()


class PublishedSlice:
    """The time that published rulings may take before all other tasks of the loop get a turn. Only `run` checkpoints.

    Rulings in the tasks of requests are made one beside the other, however many connections there are; each task has
    its own turn. So they share one slice for each turn of the loop, and what comes on top of it waits in `Turns`.
    """

    __slots__ = ("_used_s", "_woken")

    def __init__(self) -> None:
        self._used_s = 0.0
        self._woken = trio.Event()

    def lasts(self) -> bool:
        """Say whether this turn's slice is not used up."""
        return self._used_s < SLICE_S

    def use(self, took_s: float) -> None:
        """Count what a ruling took, in seconds."""
        self._used_s += took_s
        if self._used_s >= RENEWED_S:
            self._woken.set()

    async def run(self) -> None:
        """Begin a new slice in the turn of the loop after much of one was used, for ever; a checkpoint."""
        while True:
            await self._woken.wait()
            self._woken = trio.Event()
            self._used_s = 0.0
