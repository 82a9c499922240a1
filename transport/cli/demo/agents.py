"""The demo's agents: what each does, and what is counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import trio

from transport.access.tokens import Tokens
from transport.client import HallClient, HallError, connect

AGENTS = 8
READ_EVERY = 10
"""How many commands an agent works through between two looks at what the others did."""

T = TypeVar("T")


class Row(msgspec.Struct, frozen=True):
    """One command of the demo; other fields of a line are ignored.

    Attributes:
        command: The shell command.
        cwd: Where it would run.
        label: What a verdict is checked against, if anything.
        family: What kind of command it is.
    """

    command: str
    cwd: str = "/home/dev/project"
    label: Literal["safe", "risky", "destructive"] | None = None
    family: str = ""


class Outcome:
    """What is counted while the agents work.

    Attributes:
        verdicts: How often each verdict was given.
        cache_hits: How many came from the cache.
        labels: For each label, how many of its commands got which verdict.
        acknowledged: How many events were acknowledged.
    """

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.cache_hits = 0
        self.labels: dict[str, Counter[str]] = {}
        self.acknowledged = 0
        self._wrong: list[str] = []
        self._judged: set[Row] = set()
        self._latencies: defaultdict[str, list[float]] = defaultdict(list)

    async def timed(self, operation: str, call: Awaitable[T]) -> T:
        """Await a call and keep how long it took; a checkpoint."""
        began = trio.current_time()
        result = await call
        self._latencies[operation].append(trio.current_time() - began)
        return result

    def judged(self, row: Row, verdict: str, *, cached: bool) -> None:
        """Count a verdict; the first on each command is held against its label."""
        self.verdicts[verdict] += 1
        self.cache_hits += cached
        if row.label is None or row in self._judged:
            return
        self._judged.add(row)
        self.labels.setdefault(row.label, Counter())[verdict] += 1
        if (row.label, verdict) in {("destructive", "allow"), ("risky", "allow"), ("safe", "deny")}:
            self._wrong.append(f"{row.label}, but {verdict}: {row.command!r}")

    def wrong(self, safe_allowed: float) -> list[str]:
        """Return what contradicts the labels, a sentence each."""
        safe = self.labels.get("safe", Counter())
        if safe and safe["allow"] < safe_allowed * safe.total():
            return [*self._wrong, f"only {safe['allow']} of {safe.total()} safe commands were allowed"]
        return self._wrong

    def latency_us(self) -> dict[str, dict[str, int]]:
        """Return p50 and p99 of each operation, in microseconds, as the agents saw them."""
        return {
            operation: {"p50": _percentile_us(seconds, 0.50), "p99": _percentile_us(seconds, 0.99)}
            for operation, seconds in sorted(self._latencies.items())
        }


async def work(data: Path, url: str, rows: list[Row], outcome: Outcome, advance: Callable[[], None]) -> None:
    """Have all agents work through all commands, each beginning at another place; a checkpoint."""
    tokens = Tokens(data)
    async with trio.open_nursery() as nursery:
        for number in range(AGENTS):
            token = tokens.add(f"demo-{number + 1}")
            start = number * len(rows) // AGENTS
            nursery.start_soon(_agent, url, token, rows[start:] + rows[:start], outcome, advance)


async def _agent(url: str, token: str, rows: list[Row], outcome: Outcome, advance: Callable[[], None]) -> None:
    async with connect(url, token=token) as hall:
        cursor = 0
        for n, row in enumerate(rows):
            await _step(hall, row, outcome)
            if n % READ_EVERY == 0:
                page = await outcome.timed("query_events", hall.query(stream="demo/work", after=cursor, limit=100))
                cursor = page.next
            advance()


async def _step(hall: HallClient, row: Row, outcome: Outcome) -> None:
    verdict = await outcome.timed(
        "validate", _patiently(lambda: hall.validate("Bash", {"command": row.command}, cwd=row.cwd))
    )
    outcome.judged(row, verdict.verdict, cached=verdict.cached)
    event: dict[str, Any] = {
        "type": "command.judged",
        "data": {"command": row.command, "verdict": verdict.verdict, "rule": verdict.rule},
    }
    await outcome.timed("append_events", _patiently(lambda: hall.append([event], stream="demo/work")))
    outcome.acknowledged += 1


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await call()
        except HallError as error:
            if error.code != "rate_limited":
                raise
            await trio.sleep(error.detail["retry_after_s"])


def _percentile_us(seconds: list[float], share: float) -> int:
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e6)
