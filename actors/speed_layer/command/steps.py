"""The steps that judging one request takes, and how many it may take.

They are counted and not timed, so that a verdict depends on the request alone: neither on the machine nor on what else
it does. Nothing is judged further once they are spent: what was refused by then stays refused, all else is unproved.
"""

from __future__ import annotations

from typing import Final

import msgspec

MAX_STEPS: Final = 5_000
"""How many steps judging one request may take: 5 ms of them, since a step stands for a microsecond.

What a step is was measured as processor time (`time.thread_time`, the best of three, every cache cleared) on the two
cores of the machine that the benchmarks run on, with Python 3.11: the lines of `tests/.../test_step_budget.py` and some
twenty thousand random ones. Each kind of work (a statement, a word, a path, a character of a program in another
language) is counted with what it costs where it costs most, so that no line found takes more than its steps in
microseconds. Of the 3,200 commands of the tests and benchmarks none that is proved takes 600.
"""

ANALYSIS_STEPS: Final = 3_500
"""How many of them taking a shell line apart may take.

What it found by then is judged with the rest, so that a costly end does not hide what a line begins with.
"""

TOO_LONG: Final = "it would take too long to analyse"


class OutOfSteps(Exception):  # noqa: N818 - not a fault of the program: a request that costs too much
    """Judging this request has taken all the steps that it may."""

    def __init__(self) -> None:
        super().__init__(TOO_LONG)


class Steps(msgspec.Struct, gc=False):
    """Counts the steps of one request: first of taking it apart, then of judging. Nothing here checkpoints.

    Attributes:
        taken: How many were taken so far.
        limit: How many may be.
    """

    taken: int = 0
    limit: int = ANALYSIS_STEPS

    def go_on_to_judging(self) -> None:
        """Let the steps that are kept for judging be taken too."""
        self.limit = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Count work before it is done.

        Raises:
            OutOfSteps: It is more than may be done; then nothing more may.
        """
        self.taken += steps
        if self.taken > self.limit:
            self.taken = self.limit
            raise OutOfSteps

    def copy(self) -> Steps:
        """Return a count that goes on from here, while this one stays."""
        return Steps(self.taken, self.limit)

    def allow(self, steps: int) -> bool:
        """Say whether so much work may still be done; nothing is counted."""
        return self.taken + steps <= self.limit
