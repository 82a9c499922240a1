"""The MCP suite: `tools/call` in memory and over a loopback websocket, beside what each stands on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from benchmarks.halls import in_memory_connection, mcp_peers, requests
from benchmarks.halls.hall_process import hall
from benchmarks.halls.mcp_peers import ECHO
from benchmarks.halls.requests import Frames
from benchmarks.halls.round_trips import Endpoint, latencies, rate, size_of_reply
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.processes import child, said_by
from benchmarks.measuring.runner import Bench, Work, contest

SUITE = "mcp"
IN_FLIGHT = 32
"""Enough that the server always has a request to answer."""

_CALLS = 500
"""How many calls a round makes: about a quarter of a second over a socket."""


class Called(NamedTuple):
    """A tool that is called.

    Attributes:
        name: What the figure calls it.
        frames: Makes so many requests.
        answer: What each answer must contain, or the figure would be of something else.
        durability: The policy that the hall keeps what the call stores under.
    """

    name: str
    frames: Callable[[int], Frames]
    answer: str
    durability: str | None = None


HEALTH = Called("health", requests.health, '"status":"ok"')
KNOWN = Called("validate, cached", requests.validate_known, '"cached":true')
FRESH = Called("validate, not cached", requests.validate_fresh, '"cached":false')
APPEND = Called("append_events, 1 event", requests.append, '"first_sequence":', "group")


def suite(bench: Bench) -> Iterator[Figure]:
    """Measure MCP; about 40 seconds, with peers two minutes."""
    yield from without_socket(bench, SUITE, (HEALTH, KNOWN, FRESH))
    yield from over_websocket(bench, SUITE, (HEALTH, KNOWN, FRESH, APPEND), in_flight=IN_FLIGHT)
    yield from start(bench)
    if bench.peers:
        yield from mcp_peers.beside(bench)


def without_socket(bench: Bench, suite: str, called: Sequence[Called]) -> Iterator[Figure]:
    """Measure `tools/call` in this process, from a text frame to the text of its answer, beside the bare SDK."""
    count = bench.size(_CALLS)
    for tool in called:
        work = Work(suite=suite, name=f"{tool.name}, message in to reply out", unit="us")
        subjects = {
            US: in_memory_connection.through_hall(tool.frames, tool.answer, count),
            in_memory_connection.SDK: in_memory_connection.through_sdk(tool.frames, count),
        }
        yield from contest(bench, [work], subjects)


def over_websocket(bench: Bench, suite: str, called: Sequence[Called], in_flight: int = 0) -> Iterator[Figure]:
    """Measure `tools/call` against a hall in another process, beside an echo of the same sizes in another process.

    Args:
        bench: How often.
        suite: The suite that the figures belong to.
        called: What to call.
        in_flight: Also measure with so many calls under way on one connection; 0 leaves that out.
    """
    count = bench.size(_CALLS)
    echo_server = ["-m", "benchmarks.peers.echo_server"]
    with hall(bench) as (_, url), child(echo_server, bench.directory / "echo") as (_, echo_url):
        ours = Endpoint(url, speaks_mcp=True)
        for tool in called:
            size = size_of_reply(ours, tool.frames, tool.answer)
            echo = Endpoint(f"{echo_url.strip()}?bytes={size}", speaks_mcp=False)
            subjects = {each: latencies(at, tool.frames, count) for each, at in ((US, ours), (ECHO, echo))}
            name = f"{tool.name}, over a websocket"
            yield from contest(bench, [Work(suite=suite, name=name, unit="us", durability=tool.durability)], subjects)
            if in_flight:
                yield from _many(bench, tool, {US: ours, ECHO: echo}, in_flight)


def _many(bench: Bench, tool: Called, endpoints: dict[str, Endpoint], in_flight: int) -> Iterator[Figure]:
    count = bench.size(_CALLS)
    name = f"{tool.name}, {in_flight} in flight on a websocket"
    work = Work(suite=SUITE, name=name, unit="calls/s", better="higher", durability=tool.durability)
    subjects = {each: rate(at, tool.frames, count, in_flight) for each, at in endpoints.items()}
    yield from contest(bench, [work], subjects)


def start(bench: Bench) -> Iterator[Figure]:
    """Measure how long a server takes until it accepts work, beside the imports that it cannot do without."""

    def ours() -> list[float]:
        began = time.perf_counter()
        with hall(bench):
            return [time.perf_counter() - began]

    subjects = {US: ours, "import mcp, trio_websocket": _imports}
    yield from contest(
        bench, [Work(suite=SUITE, name="moothall serve, until ready", unit="s")], subjects, rounds=3, warm=False
    )


def _imports() -> list[float]:
    began = time.perf_counter()
    said_by(["-c", "import mcp.server.lowlevel, trio_websocket"])
    return [time.perf_counter() - began]
