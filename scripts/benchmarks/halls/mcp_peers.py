"""The hall beside other servers: raw frames against raw requests, full client against full client, many connections."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

import msgspec

from benchmarks.halls import requests
from benchmarks.halls.hall_process import hall
from benchmarks.halls.raw_http import HttpEndpoint
from benchmarks.halls.round_trips import Connectable, Endpoint, crowd, latencies, size_of_reply, while_idle
from benchmarks.measuring.figure import US, Figure
from benchmarks.measuring.processes import child, said_by
from benchmarks.measuring.resident import resident_bytes
from benchmarks.measuring.runner import Bench, Round, Work, contest, p99
from benchmarks.peers.installed import INSTALL

SUITE = "mcp"
ECHO = "trio-websocket echo"
"""A server in a process of its own that answers with as many bytes as the hall does."""

CONNECTIONS = 32
"""Enough that the server always has a request to answer."""

IDLE = 1_000
"""So many that what one holds is more than the memory of a process varies by itself."""

_CALLS = 500
"""How many calls a round makes: about a quarter of a second over a socket."""

_CROWD_CALLS = 2_000
"""How many calls a round makes over all connections: from a third of a second to three, by server."""

_ECHO_BYTES = 538
"""What the hall's answer to the request has that is measured."""

_ECHOED = "x" * _ECHO_BYTES
_KB = 1e3


class Peer(NamedTuple):
    """Another server, and the client that goes with it.

    Attributes:
        name: What its figures are called.
        kind: As `mcp_server` and `full_client` know it.
        package: What has to be installed.
    """

    name: str
    kind: str
    package: str


PEERS = (
    Peer("the mcp SDK over HTTP", "sdk", "mcp"),
    Peer("FastMCP over HTTP", "fastmcp", "fastmcp"),
)


class Served(NamedTuple):
    """A server that runs.

    Attributes:
        pid: Its process.
        url: Where.
        endpoint: How raw messages reach it.
    """

    pid: int
    url: str
    endpoint: Connectable


Serve = Callable[[Bench], AbstractContextManager[Served]]
"""Runs a server for the length of a block."""


def beside(bench: Bench) -> Iterator[Figure]:
    """Measure the hall and other servers, each in a process of its own; more than a minute."""
    peers = [peer for peer in PEERS if _is_installed(bench, peer)]
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serve(bench)) for name, serve in _servers(peers).items()}
        yield from _raw(bench, servers)
        yield from _full(bench, servers, peers)
    yield from _idle(bench, _servers(peers))


def _raw(bench: Bench, servers: Mapping[str, Served]) -> Iterator[Figure]:
    for name, server in servers.items():
        size_of_reply(server.endpoint, requests.validate_known, _ECHOED if name == ECHO else "allow")
    count = bench.size(_CALLS)
    work = Work(suite=SUITE, name="validate, cached, raw messages", unit="us")
    rounds = {name: latencies(server.endpoint, requests.validate_known, count) for name, server in servers.items()}
    yield from contest(bench, [work], rounds)
    name = f"validate, cached, raw messages, {CONNECTIONS} connections at once"
    work = Work(suite=SUITE, name=name, unit="calls/s", better="higher")
    each = bench.size(_CROWD_CALLS) // CONNECTIONS + 1
    rounds = {
        name: crowd(server.endpoint, requests.validate_known, each, CONNECTIONS) for name, server in servers.items()
    }
    yield from contest(bench, [work], rounds)


def _full(bench: Bench, servers: Mapping[str, Served], peers: Sequence[Peer]) -> Iterator[Figure]:
    count = str(bench.size(_CALLS))

    def round_of(kind: str, url: str) -> Round:
        command = ["-m", "benchmarks.halls.full_client", kind, url, count]
        return lambda: msgspec.json.decode(said_by(command), type=list[float])

    kinds = {US: "hall", **{peer.name: peer.kind for peer in peers}}
    rounds = {name: round_of(kind, servers[name].url) for name, kind in kinds.items()}
    yield from contest(
        bench, [Work(suite=SUITE, name="validate, cached, full client", unit="us")], rounds, rounds=3, warm=False
    )


def _idle(bench: Bench, servers: Mapping[str, Serve]) -> Iterator[Figure]:
    connections, count = bench.size(IDLE), bench.size(_CALLS)

    def round_of(serve: Serve) -> Round:
        def once() -> list[float]:
            with serve(bench) as server:
                before = resident_bytes(server.pid)
                held, took_us = while_idle(
                    server.endpoint, connections, lambda: resident_bytes(server.pid), requests.health, count
                )
                return [(held - before) / connections / _KB, *took_us]

        return once

    beside = f"{connections:,} idle connections"
    works = [
        Work(suite=SUITE, name=f"memory for each of {beside}", unit="KB", of=lambda observed: observed[0]),
        Work(suite=SUITE, name=f"health beside {beside}, p99", unit="us", of=lambda observed: p99(observed[1:])),
    ]
    rounds = {name: round_of(serve) for name, serve in servers.items()}
    yield from contest(bench, works, rounds, rounds=1, warm=False)


def _servers(peers: Sequence[Peer]) -> dict[str, Serve]:
    return {US: _hall, ECHO: _echo, **{peer.name: partial(_http, peer) for peer in peers}}


@contextmanager
def _hall(bench: Bench) -> Generator[Served]:
    with hall(bench) as (pid, url):
        yield Served(pid, url, Endpoint(url, speaks_mcp=True))


@contextmanager
def _echo(bench: Bench) -> Generator[Served]:
    with child(["-m", "benchmarks.peers.echo_server"], bench.directory / "echo") as (process, said):
        url = f"{said.strip()}?bytes={_ECHO_BYTES}"
        yield Served(process.pid, url, Endpoint(url, speaks_mcp=False))


@contextmanager
def _http(peer: Peer, bench: Bench) -> Generator[Served]:
    with child(["-m", "benchmarks.peers.mcp_server", peer.kind], bench.directory / peer.kind) as (process, said):
        yield Served(process.pid, said.strip(), HttpEndpoint(said.strip()))


def _is_installed(bench: Bench, peer: Peer) -> bool:
    if importlib.util.find_spec(peer.package) is not None:
        return True
    bench.note(f"{peer.name}: not measured, {peer.package} is not installed; {INSTALL}")
    return False
