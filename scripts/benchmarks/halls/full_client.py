"""A client as an agent would write it, in a process of its own: calls `validate` again and again.

Usage: python -m benchmarks.halls.full_client hall|sdk|fastmcp URL COUNT

prints how long each call took, in microseconds, as a JSON list.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from benchmarks.measuring.shell_commands import PLAIN

_WARM = 20
"""How many calls do not count: after these the verdict is cached and both sides are warm."""

_ARGUMENTS = {"tool": PLAIN.tool, "input": PLAIN.input, "cwd": PLAIN.cwd}


async def through_hall(url: str, count: int) -> list[float]:
    """Call through the hall's own client, under Trio."""
    connect = importlib.import_module("transport.client").connect
    async with connect(url) as hall:
        return await _timed(lambda: hall.validate(PLAIN.tool, PLAIN.input, cwd=PLAIN.cwd), count)


async def through_client(client: Callable[[str], Any], url: str, count: int) -> list[float]:
    """Call through a client of the SDK's kind, under asyncio."""
    async with client(url) as session:
        return await _timed(lambda: session.call_tool("validate", _ARGUMENTS), count)


async def _timed(call: Callable[[], Awaitable[object]], count: int) -> list[float]:
    took_us: list[float] = []
    for number in range(_WARM + count):
        began = time.perf_counter()
        await call()
        if number >= _WARM:
            took_us.append((time.perf_counter() - began) * 1e6)
    return took_us


def main(kind: str, url: str, count: int) -> None:
    """Measure and print."""
    if kind == "hall":
        took_us = trio.run(through_hall, url, count)
    else:
        client = importlib.import_module({"sdk": "mcp", "fastmcp": "fastmcp"}[kind]).Client
        took_us = asyncio.run(through_client(client, url, count))
    sys.stdout.write(json.dumps(took_us) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
