"""The shell commands that verdicts are measured with: a day of a coding agent, and what it must not do.

The file is the measure: changing it breaks the comparison with every saved run.
"""

from __future__ import annotations

import random
from functools import cache
from importlib import resources

import msgspec

from actors.desk.gate import Call

CWD = "/home/dev/project"
PLAIN = Call("Bash", {"command": "git status"}, CWD)
"""A command that the shipped policy allows, so that its verdict can be cached."""


class _Row(msgspec.Struct, frozen=True):
    command: str


@cache
def corpus() -> tuple[Call, ...]:
    """Return every command once."""
    text = (resources.files("benchmarks.measuring") / "shell_commands.jsonl").read_bytes()
    rows = [msgspec.json.decode(line, type=_Row) for line in text.splitlines()]
    return tuple(Call("Bash", {"command": row.command}, CWD) for row in rows)


def fresh_calls(count: int, start: int = 0) -> list[Call]:
    """Return calls that differ from one another and from those of any other start: no cache knows them."""
    known = corpus()
    return [
        Call(call.tool, call.input, f"{CWD}-{number}")
        for number, call in ((number, known[number % len(known)]) for number in range(start, start + count))
    ]


def mixed_calls(count: int, seed: int = 1) -> list[Call]:
    """Return calls as agents repeat them: the n-th most frequent command comes 1/n as often as the first (Zipf)."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    known = list(corpus())
    rng.shuffle(known)
    return rng.choices(known, weights=[1 / rank for rank in range(1, len(known) + 1)], k=count)
