"""Agents that work, vanish and misbehave, for minutes, and whether the server is after it what it was before.

`scripts/soak --minutes 10` runs it; the tests run seconds of it. It ends with 1 where the server died, kept
descriptors, connections or actors, refused honest work, or wrote a log that does not verify; memory is reported beside
the number of events, which the log's index keeps, and how long an honest round of three calls took.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection as Frames
from wsproto.events import Request, TextMessage

from store import verify
from transport.access.tokens import Tokens
from transport.client import HallClient, HallError, connect

NAMES = 20
SAMPLE_S = 5.0
SETTLE_S = 75.0
"""How long after the last agent has gone the server is looked at: an idle session outlives its agent by a minute."""

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "soak", "version": "1"}}


class Sample(NamedTuple):
    """What the server was at a time."""

    at_s: float
    rss_mb: float
    descriptors: int
    threads: int
    connections: int
    actors: int


class Soak:
    """One run against a server process."""

    def __init__(self, url: str, pid: int, tokens: list[str], *, seed: int) -> None:
        self.url = url
        self.process = psutil.Process(pid)
        self.tokens = tokens
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.took_s: list[float] = []
        self.faults: list[str] = []
        self.samples: list[Sample] = []

    async def agent(self, until: float) -> None:
        """Come again and again until the end, each time as somebody else."""
        kinds = [self.work] * 4 + [self.vanish, self.garbage, self.half_frame, self.slow_consumer, self.slow_handshake]
        while trio.current_time() < until:
            kind = self.random.choice(kinds)
            with suppress(OSError, trio.BrokenResourceError), trio.move_on_after(30):
                await kind()
            self.done[kind.__name__] += 1
            await trio.sleep(self.random.uniform(0.1, 1.0))

    async def work(self) -> None:
        try:
            async with connect(self.url, token=self.random.choice(self.tokens)) as hall:
                await self._rounds(hall)
        except* HallError as refused:  # in a group with `Cancelled` where the agent's time was over as well
            self.faults += [f"honest work was refused: {error}" for error in refused.exceptions]

    async def _rounds(self, hall: HallClient) -> None:
        for _ in range(self.random.randint(1, 10)):
            began = trio.current_time()
            command = f"git status {self.random.randint(0, 50)}"
            verdict = await hall.validate("Bash", {"command": command}, cwd="/home/dev/project")
            await hall.append([{"type": "tool.used", "data": {"command": command, "verdict": verdict.verdict}}])
            await hall.query(order="desc", limit=20)
            self.took_s.append(trio.current_time() - began)
            await trio.sleep(self.random.uniform(0, 0.3))

    async def vanish(self) -> None:
        async with await self._websocket() as stream:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def garbage(self) -> None:
        async with await self._tcp() as stream:
            await stream.send_all(self.random.randbytes(self.random.randint(1, 5000)))
            await stream.receive_some()
        async with await self._websocket() as stream:
            await stream.send_all(self.random.randbytes(self.random.randint(1, 5000)))
            with trio.move_on_after(5):
                while await stream.receive_some():
                    pass

    async def half_frame(self) -> None:
        async with await self._websocket() as stream:
            await stream.send_all(self._text({"id": 1, "method": "ping", "params": {"x": "x" * 1000}})[:100])
            await trio.sleep(self.random.uniform(0, 2))

    async def slow_consumer(self) -> None:
        async with await self._websocket() as stream:
            call = {"name": "query_events", "arguments": {"limit": 1000}}
            for number in range(30):
                with trio.move_on_after(1):
                    await stream.send_all(self._text({"id": number, "method": "tools/call", "params": call}))
            await trio.sleep(self.random.uniform(1, 5))

    async def slow_handshake(self) -> None:
        async with await self._tcp() as stream:
            for byte in b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n":
                await stream.send_all(bytes([byte]))
                await trio.sleep(0.2)

    async def watch(self, began: float) -> None:
        """Take a sample every `SAMPLE_S`, until cancelled."""
        while True:
            try:
                self.samples.append(await self.sample(began))
            except HallError as error:
                self.faults.append(f"no sample after {trio.current_time() - began:.0f} s: {error}")
            await trio.sleep(SAMPLE_S)

    async def sample(self, began: float) -> Sample:
        async with connect(self.url, token=self.tokens[0]) as hall:
            health, tree = await hall.health(), await hall.tree()
        return Sample(
            round(trio.current_time() - began, 1),
            round(self.process.memory_info().rss / 1e6, 1),
            self.process.num_fds(),
            self.process.num_threads(),
            health.connections,
            len(tree.text.splitlines()),
        )

    async def _tcp(self) -> trio.SocketStream:
        where = urlsplit(self.url)
        return await trio.open_tcp_stream(where.hostname or "", where.port or 0)

    async def _websocket(self) -> trio.SocketStream:
        stream, protocol = await self._tcp(), WSConnection(ConnectionType.CLIENT)
        bearer = [(b"Authorization", f"Bearer {self.random.choice(self.tokens)}".encode())]
        await stream.send_all(protocol.send(Request(host="localhost", target="/mcp", extra_headers=bearer)))
        await stream.receive_some()
        await stream.send_all(self._text({"id": "hello", "method": "initialize", "params": HELLO}))
        return stream

    @staticmethod
    def _text(message: dict[str, object]) -> bytes:
        return Frames(ConnectionType.CLIENT).send(TextMessage(data=json.dumps({"jsonrpc": "2.0", **message})))


async def soak(seconds: float, agents: int, *, seed: int = 1, settle_s: float = SETTLE_S) -> dict[str, object]:
    """Run it and return the report; `problems` is what should not be."""
    with tempfile.TemporaryDirectory(prefix="moothall-soak-") as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        tokens = [Tokens(data).add(f"agent-{number}") for number in range(NAMES)]
        command = [sys.executable, "-m", "transport.cli.main", "serve", "--data", str(data)]
        command += ["--port", "0", "--http-port", "0"]
        with (Path(folder) / "log").open("wb") as log:
            process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, stderr=log)
        try:
            assert process.stdout is not None
            url = json.loads(await process.stdout.receive_some())["ws"]
            run = Soak(url, process.pid, tokens, seed=seed)
            await _carry_out(run, seconds, agents, settle_s)
            process.send_signal(signal.SIGTERM)
            code = await process.wait()
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
        report = verify(data)
        crashed = (Path(folder) / "log").read_text(errors="replace").count("actor.crashed")
    return _report(run, code, crashed, report.events, [*map(str, report.problems)])


async def _carry_out(run: Soak, seconds: float, agents: int, settle_s: float) -> None:
    began = trio.current_time()
    first = await run.sample(began)
    async with trio.open_nursery() as watching:
        watching.start_soon(run.watch, began)
        async with trio.open_nursery() as working:
            for _ in range(agents):
                working.start_soon(run.agent, began + seconds)
        watching.cancel_scope.cancel()
    await trio.sleep(settle_s)
    run.samples = [first, *run.samples, await run.sample(began)]


def percentile(values: list[float], percent: int) -> float:
    """Return the value that so many percent are not above; 0 for none."""
    return sorted(values)[(len(values) - 1) * percent // 100] if values else 0.0


def _report(run: Soak, code: int, crashed: int, events: int, problems: list[str]) -> dict[str, object]:
    first, last = run.samples[0], run.samples[-1]
    if code != 0:
        problems.append(f"the server ended with {code}")
    if crashed:
        problems.append(f"{crashed} actors crashed")
    kept = [name for name in ("descriptors", "connections", "actors") if getattr(last, name) > getattr(first, name) + 2]
    problems += [f"{name}: {getattr(first, name)} before, {getattr(last, name)} after" for name in kept]
    return {
        "done": dict(run.done),
        "honest_round_s": {"p50": round(percentile(run.took_s, 50), 3), "p99": round(percentile(run.took_s, 99), 3)},
        "events": events,
        "first": first._asdict(),
        "samples": [list(sample) for sample in run.samples[:: max(1, len(run.samples) // 10)]],
        "last": last._asdict(),
        "problems": problems + run.faults[:10],
    }


def main() -> None:
    """Run from the command line; prints the report as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()

    async def run() -> dict[str, object]:
        return await soak(given.minutes * 60, given.agents, seed=given.seed)

    report = trio.run(run)
    print(json.dumps(report))
    sys.exit(bool(report["problems"]))


if __name__ == "__main__":
    main()
