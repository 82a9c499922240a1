"""`moothall bench`: how fast a running hall answers, as one client sees it from here."""

from __future__ import annotations

import itertools
import math
import os
import platform
import secrets
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import trio
from cyclopts import Parameter, validators
from rich.console import Console
from rich.table import Table

from transport.cli.log_source import Online
from transport.cli.which_hall import THIS, WhichHall
from transport.client import HallClient, HallError
from transport.visible import visible

ROUNDS = 5
"""Of five the median survives two that the machine disturbed."""

IN_FLIGHT = 32
"""Enough that the hall always has a call to answer."""

MOST = 10_000
"""How many calls a round may make: their events stay in the log, and their verdicts drive others from the cache."""

_WARM = 20
"""How many calls of each tool do not count: after these the verdict is cached and both sides are warm."""

_INPUT = {"command": "git status"}
"""What is judged: a command that policies decide without asking a person. It is never run."""

_EVENT: dict[str, Any] = {"type": "bench", "data": {"text": "x" * 120}}

Call = Callable[[], Awaitable[object]]
Figure = dict[str, Any]
"""A line of `--json`, in the form that `scripts/bench` prints."""


def bench(
    *,
    count: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=MOST))] = 200,
    hall: WhichHall = THIS,
    json: bool = False,
) -> None:
    """Measure a running hall from here: medians of five rounds, one call after the other, then 32 at once.

    Args:
        count: How many calls of each tool a round makes; about 30 times as many events stay in the log.
        hall: Which hall is meant.
        json: Print one JSON object a line: where it was measured, then each figure.
    """
    version, figures = Online(hall.given()).run(lambda hall: _measured(hall, count))
    if json:
        machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()}
        for line in ({"machine": machine, "version": version, "revision": None}, *figures):
            print(msgspec.json.encode(line).decode())
        return
    table = Table("call", box=None)
    for name in ("p50", "p99", f"{IN_FLIGHT} in flight"):
        table.add_column(name, justify="right")
    for name, of_call in itertools.groupby(figures, lambda figure: figure["work"].rpartition(", ")[0]):
        table.add_row(name, *(f"{figure['value']:,.0f} {figure['unit']}" for figure in of_call))
    Console(highlight=False, markup=False).print(table)


async def _measured(hall: HallClient, count: int) -> tuple[str, list[Figure]]:
    """Return the hall's version, and the figures of each call that it lets this token make."""
    here, numbers = f"{_place()}/{secrets.token_hex(8)}", itertools.count()
    calls: dict[str, Call] = {
        "health": hall.health,
        "validate, cached": lambda: hall.validate("Bash", _INPUT, cwd=here),
        "validate, not cached": lambda: hall.validate("Bash", _INPUT, cwd=f"{here}/{next(numbers)}"),
        "append_events, 1 event": lambda: hall.append([_EVENT]),
        "query_events, the newest 100": lambda: hall.query(order="desc"),
    }
    figures: list[Figure] = []
    for name, call in calls.items():
        if not await _can_be_measured(hall, name, call):
            continue
        await _rate(call, _WARM)
        rounds = [[await _timed(call) for _ in range(count)] for _ in range(ROUNDS)]
        rates = [await _rate(call, count) for _ in range(ROUNDS)]
        figures += [
            _figure(f"{name}, p50", [statistics.median(took_us) for took_us in rounds], "us", "lower"),
            _figure(f"{name}, p99", [_p99(took_us) for took_us in rounds], "us", "lower"),
            _figure(f"{name}, {IN_FLIGHT} in flight", rates, "calls/s", "higher"),
        ]
    return (await hall.health()).version, figures


def _place() -> str:
    """Return where the command would run: in the hall's workspace, if this is; nothing is made there."""
    return str(Path.cwd() / "moothall-bench")


async def _can_be_measured(hall: HallClient, name: str, call: Call) -> bool:
    """Try a call; `explain` stands for `validate`, since it leaves nothing to be decided by a person."""
    why = "the policy asks a person about `git status`"
    try:
        if not name.startswith("validate"):
            await call()
            return True
        if (await hall.explain("Bash", _INPUT, cwd=_place())).verdict != "ask":
            return True
    except HallError as error:
        if error.code != "forbidden":
            raise
        why = error.message
    print(f"moothall: {name}: not measured, {visible(why)}", file=sys.stderr)
    return False


async def _rate(call: Call, count: int) -> float:
    """Make so many calls, always some at once, and return how many were answered in a second."""

    async def some(share: int) -> None:
        for _ in range(share):
            await _timed(call)

    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for first in range(IN_FLIGHT):
            nursery.start_soon(some, len(range(first, count, IN_FLIGHT)))
    return count / (time.perf_counter() - began)


async def _timed(call: Call) -> float:
    """Return how long the answer took, in microseconds; what the rate limit refuses is called again in its time."""
    while True:
        began = time.perf_counter()
        try:
            await call()
        except HallError as error:
            if error.code != "rate_limited":
                raise
            await trio.sleep(error.detail["retry_after_s"])
        else:
            return (time.perf_counter() - began) * 1e6


def _p99(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


def _figure(work: str, values: list[float], unit: str, better: str) -> Figure:
    value, low, high = (float(f"{each:.4g}") for each in (statistics.median(values), min(values), max(values)))
    return {
        "suite": "running", "work": work, "subject": "moothall", "value": value, "unit": unit, "better": better,
        "durability": None, "spread": [low, high], "runs": ROUNDS,
    }  # fmt: skip
