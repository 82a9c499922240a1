"""Puts bugs in, one after the other, and has the tests look for each; up to two at a time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import msgspec

from mutation.copies import copied, environment, put_in
from mutation.mutant import Mutant
from mutation.prepared import Outcome, Run

AT_ONCE = 2
"""How many bugs are looked for at a time at the most: tests that start processes must not time out for want of one."""

_PATIENCE_S = 20.0
"""How long the tests may take beyond what they usually do, in seconds, before a bug counts as one that never ends."""

_SLOWER = 5
"""How many times as long as usual they may take besides: other work on the machine slows them down too."""


class Trial(NamedTuple):
    """What became of a bug.

    Attributes:
        mutant: The bug.
        tests: How many tests looked for it; none where no test enters the function.
        outcome: Whether one of them noticed.
    """

    mutant: Mutant
    tests: int
    outcome: Outcome

    @property
    def found(self) -> bool:
        """Whether the tests noticed; never to end is to be noticed."""
        return self.outcome != "survived"


class Task(NamedTuple):
    """A bug and who looks for it.

    Attributes:
        mutant: The bug.
        tests: What pytest runs.
        seconds: How long that takes without the bug.
    """

    mutant: Mutant
    tests: list[str]
    seconds: float


class FailWithoutBug(Exception):  # noqa: N818 - says what stands in the way
    """Tests fail without any bug."""


class _Bench:
    """A copy of the checkout, and a process that runs tests in it."""

    def __init__(self, copy: Path) -> None:
        self._copy = copy
        self._number = count()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mutation.prepared"],
            cwd=copy,
            env=environment(copy),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, tests: list[str], seconds: float) -> Outcome:
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: PT018 - both are pipes
        self._process.stdin.write(msgspec.json.encode(Run(tests, _PATIENCE_S + _SLOWER * seconds)) + b"\n")
        self._process.stdin.flush()
        outcome: Outcome = msgspec.json.decode(self._process.stdout.readline(), type=Outcome)
        return outcome

    def try_(self, task: Task) -> Trial:
        if not task.tests:
            return Trial(task.mutant, 0, "survived")
        with put_in(self._copy, task.mutant, next(self._number)):
            return Trial(task.mutant, len(task.tests), self.run(task.tests, task.seconds))

    def check(self, tests: list[str], seconds: float) -> None:
        if self.run(tests, seconds) != "survived":
            said = (self._copy / "pytest.log").read_text(errors="replace")[-3000:]
            raise FailWithoutBug(f"these tests fail without any bug: mend them first\n{said}")

    def end(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: PT018 - both are pipes
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def _bench(checkout: Path) -> Generator[_Bench]:
    with copied(checkout) as copy:
        bench = _Bench(copy)
        try:
            yield bench
        finally:
            bench.end()


def trials(
    checkout: Path, tasks: Sequence[Task], at_once: int, tell: Callable[[Trial], None] = lambda _trial: None
) -> list[Trial]:
    """Try bugs, in any order; returns what became of them in theirs.

    Args:
        checkout: The checkout, which is copied.
        tasks: The bugs and their tests.
        at_once: How many at a time.
        tell: Called with each trial as soon as it is over.

    Raises:
        FailWithoutBug: The tests fail as it is.
    """
    every = sorted({test for task in tasks for test in task.tests})
    if not every:
        return [Trial(task.mutant, 0, "survived") for task in tasks]

    def try_one(task: Task) -> Trial:
        bench = benches.get()
        try:
            trial = bench.try_(task)
        finally:
            benches.put(bench)
        tell(trial)
        return trial

    with _bench(checkout) as first:
        first.check(every, sum(task.seconds for task in tasks))
        if at_once == 1:
            return [_told(first.try_(task), tell) for task in tasks]
        benches: SimpleQueue[_Bench] = SimpleQueue()
        with _bench(checkout) as second, ThreadPoolExecutor(AT_ONCE) as pool:
            benches.put(first)
            benches.put(second)
            return [*pool.map(try_one, tasks)]


def _told(trial: Trial, tell: Callable[[Trial], None]) -> Trial:
    tell(trial)
    return trial
