"""Appends until a signal comes, goes on, stops: `python interrupted.py HOME TIMES SEED`, each time in a log of its own.

Tells of each, as a line of JSON: its directory, what was acknowledged, and the error that the log answered with.
"""

from __future__ import annotations

import json
import random
import signal
import sys
from pathlib import Path

from store import Append, Appended, EventLog, Limits, NewEvent, StoreError

POLICIES = ("always", "group", "interval:1", "never")
LIMITS = Limits(segment_bytes=4000, reserve_bytes=0)
LATEST_S = 0.004
AGAIN_S = 0.05
"""After so long the signal comes again, in seconds: Python drops an exception that comes in a finaliser."""

MORE = 20
"""How many commits are tried after the signal."""


def appends(number: int) -> list[Append]:
    """Return one append, or a few, of events that hold the number and those behind it."""
    return [
        Append(events=[NewEvent(type="t", data={"n": n})], agent="a", stream=f"s{n % 5}", command_id=f"k{n}")
        for n in range(number, number + 1 + number % 3)
    ]


class Interrupted:
    """One log, one signal as Ctrl-C sends it, and what was told of both."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.error = ""
        self._number = 1

    def commit(self, log: EventLog) -> None:
        asked = appends(self._number)
        self._number += len(asked)
        try:
            outcomes = log.commit(asked)
        except StoreError as refused:
            self.error = str(refused)
            return
        numbers = [
            n for n, outcome in enumerate(outcomes, asked[0].events[0].data["n"]) if isinstance(outcome, Appended)
        ]
        self.acknowledged += numbers

    def run(self, path: Path, policy: str, after_s: float) -> None:
        with EventLog.open(path, policy, limits=LIMITS) as log:
            try:
                signal.setitimer(signal.ITIMER_REAL, after_s, AGAIN_S)
                while True:
                    self.commit(log)
            except KeyboardInterrupt:
                signal.setitimer(signal.ITIMER_REAL, 0)
                for _ in range(MORE):
                    self.commit(log)


def main(home: Path, times: int, seed: int) -> None:
    chance = random.Random(seed)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    for turn in range(times):
        path, one = home / f"{seed}-{turn}", Interrupted()
        one.run(path, POLICIES[turn % len(POLICIES)], chance.uniform(1e-5, LATEST_S))
        print(json.dumps({"path": str(path), "acknowledged": one.acknowledged, "error": one.error}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
