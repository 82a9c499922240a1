"""UmaDB as an event log: its server in a process of its own, its client over the loopback.

It is given every advantage that keeps the comparison true: the server that its package brings, the client's own
batches, and a tag for each of our indexes, as it looks types up by reading every event, and tags in an index. Records
are encoded by msgspec as ours are. It has no revisions: a stream is read from its beginning, and what comes too early
is left out. Whatever the policy, it syncs before an append returns.
"""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import umadb

from benchmarks.measuring.processes import environment
from benchmarks.peers.numbering import Numbering
from store import Event, NewEvent

_HOST = "127.0.0.1"
_START_S = 30.0
"""How long the server may take until it answers: recovery of a large log included."""

_STOP_S = 20.0
_PAUSE_S = 0.005
_READ = 1_000
"""How many events the server may send at a time; fewer was slower."""

_PR_SET_PDEATHSIG = 1
"""Of `prctl`, on Linux: the server ends with the process that is measured, however that ends."""

_decode = msgspec.msgpack.Decoder(Event).decode


class UmaLog:
    """An event log in an UmaDB server.

    Args:
        client: Connected to it.
    """

    def __init__(self, client: umadb.Client) -> None:
        self._client = client
        self._numbering = Numbering(client.head() or 0, self._revision)
        self._turn = threading.Lock()

    @property
    def head(self) -> int:
        """The last sequence."""
        return self._numbering.head

    def append(self, events: Sequence[NewEvent], *, agent: str) -> None:
        """Store events atomically; for many threads."""
        with self._turn:
            numbered = self._numbering.numbered(events, agent)
        self._client.append(
            [umadb.Event(event.type, msgspec.msgpack.encode(event), _tags(event)) for event in numbered]
        )

    def last_of_type(self, kind: str, limit: int) -> list[Event]:
        """Return the newest events of a type, newest first."""
        return self._found(f"t{kind}", limit, backwards=True)

    def of_stream(self, stream: str, after_revision: int, limit: int) -> list[Event]:
        """Return the events of a stream after a revision, oldest first."""
        found = self._found(f"s{stream}", after_revision + limit)
        return [event for event in found if event.revision > after_revision]

    def read(self) -> Iterator[Event]:
        """Yield every event in order."""
        return (_decode(each.event.data) for each in self._client.read())

    def _revision(self, stream: str) -> int:
        return max((event.revision for event in self._found(f"s{stream}", 1, backwards=True)), default=0)

    def _found(self, tag: str, limit: int, *, backwards: bool = False) -> list[Event]:
        """Return what has a tag; read to its end, for the server hangs up on whoever leaves many answers unread."""
        query = umadb.Query([umadb.QueryItem(tags=[tag])])
        return [_decode(each.event.data) for each in self._client.read(query, backwards=backwards, limit=limit)]


@contextmanager
def open_store(directory: Path, _policy: str) -> Generator[UmaLog]:
    """Open an UmaDB log in a directory: start its server, and stop it afterwards."""
    address = f"{_HOST}:{_free_port()}"
    command = [sys.executable, "-m", __name__, "--listen", address, "--db-path", str(directory / "uma.db")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment()) as server:
        try:
            client = _connected(server, f"http://{address}")
            yield UmaLog(client)
            client.close()
        finally:
            server.terminate()
            try:
                server.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                server.kill()


def serve() -> None:
    """Run the server until it is told to stop, or its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    umadb.run_server_from_args(["umadb", *sys.argv[1:]])


def _connected(server: subprocess.Popen[bytes], url: str) -> umadb.Client:
    until = time.monotonic() + _START_S
    while True:
        try:
            client = umadb.Client(url, batch_size=_READ)
            client.head()
        except umadb.TransportError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(_PAUSE_S)
        else:
            return client


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _tags(event: Event) -> list[str]:
    tags = [f"s{event.stream}", f"t{event.type}", f"a{event.agent}"]
    return tags if event.correlation_id is None else [*tags, f"c{event.correlation_id}"]


if __name__ == "__main__":
    serve()
