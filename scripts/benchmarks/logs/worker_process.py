"""A process that measures one store, ours or a peer's, each alone in its own; it does as it is told line by line.

Usage: python -m benchmarks.logs.worker_process MODULE

says on stdout, in JSON, "" once MODULE is imported, or the name of what is not installed. Then each line on stdin is a
method of `Works` and its arguments; the answer is a line with the list of what was observed.
"""

from __future__ import annotations

import gc
import importlib
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import cast

import msgspec

from benchmarks.logs import workload
from benchmarks.logs.stores import EventStore, Openable
from benchmarks.measuring.directories import fresh
from benchmarks.measuring.resident import anonymous_bytes, resident_bytes
from store import NewEvent


class Works:
    """What can be measured; each method returns what it observed.

    Args:
        peer: The store's module.
    """

    def __init__(self, peer: Openable) -> None:
        self._peer = peer
        self._open = ExitStack()
        self._store: EventStore | None = None
        self._filled = 0

    def settle(self, streams: int) -> list[float]:
        """Begin every stream of the open log; nothing of it is observed."""
        for agent, batch in workload.beginnings(streams):
            self._opened.append(batch, agent=agent)
        return []

    def crowd(self, parent: str, writers: int, turns: int) -> list[float]:
        """Have threads append events one by one to a new log that takes calls of many threads; events a second."""
        with fresh(Path(parent)) as directory, self._peer.open_store(directory, "group") as store:

            def write(number: int) -> None:
                _appended(store.append, workload.batches(turns, 1, seed=number))

            with ThreadPoolExecutor(writers) as pool:
                began = time.perf_counter()
                list(pool.map(write, range(writers)))
                return [writers * turns / (time.perf_counter() - began)]

    def open(self, directory: str, policy: str) -> list[float]:
        """Open a log, made if need be, and keep it open; milliseconds."""
        Path(directory).mkdir(exist_ok=True)
        gc.collect()
        began = time.perf_counter()
        self._store = self._open.enter_context(self._peer.open_store(Path(directory), policy))
        return [(time.perf_counter() - began) * 1e3]

    def close(self) -> list[float]:
        """Close the log cleanly; milliseconds."""
        began = time.perf_counter()
        self._open.close()
        return [(time.perf_counter() - began) * 1e3]

    def fill(self, held: int, size: int, streams: int) -> list[float]:
        """Append `held` events in batches of `size` to the open log, each time others; in microseconds each."""
        self._filled += 1
        gc.collect()
        return _appended(self._opened.append, workload.batches(held, size, self._filled, streams=streams))

    def append_one(self, kind: str) -> list[float]:
        """Append one event of a type that no other event has; microseconds."""
        return _appended(self._opened.append, [[NewEvent(type=kind, stream="singles")]])

    def resident(self) -> list[float]:
        """Return this process's resident memory, and what of it is not backed by a file, in bytes."""
        gc.collect()
        return [resident_bytes(), anonymous_bytes()]

    def head(self) -> list[float]:
        """Return the open log's last sequence."""
        return [self._opened.head]

    def newest(self, kind: str, limit: int, times: int) -> list[float]:
        """Ask the open log for the newest events of a type, in microseconds each."""
        store = self._opened
        return _timed(lambda: store.last_of_type(kind, limit), times)

    def stream(self, name: str, after_revision: int, limit: int, times: int) -> list[float]:
        """Ask the open log for events of a stream after a revision, in microseconds each."""
        store = self._opened
        assert store.of_stream(name, after_revision, limit), f"{name} has nothing after {after_revision}"
        return _timed(lambda: store.of_stream(name, after_revision, limit), times)

    def replay(self) -> list[float]:
        """Read and decode every event of the open log; events a second."""
        store = self._opened
        began = time.perf_counter()
        found = sum(1 for _ in store.read())
        assert found == store.head, f"replayed {found} of {store.head} events"
        return [found / (time.perf_counter() - began)]

    @property
    def _opened(self) -> EventStore:
        assert self._store is not None, "open comes first"
        return self._store


def _appended(append: Callable[..., object], batches: Iterable[list[NewEvent]]) -> list[float]:
    """Append batches, the agents in turn; a batch is made just before it is appended, and that is not measured."""
    took_us: list[float] = []
    for batch, agent in zip(batches, cycle(workload.AGENTS), strict=False):
        began = time.perf_counter()
        append(batch, agent=agent)
        took_us.append((time.perf_counter() - began) * 1e6)
    return took_us


def _timed(call: Callable[[], object], times: int) -> list[float]:
    took_us: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        took_us.append((time.perf_counter() - began) * 1e6)
    return took_us


def main(module: str) -> None:
    """Import the store and do as told until stdin ends."""
    try:
        works = Works(cast("Openable", importlib.import_module(module)))
    except ModuleNotFoundError as error:
        _say(error.name or module)
        return
    _say("")
    for line in sys.stdin:
        what, *arguments = msgspec.json.decode(line, type=list[str | int])
        _say(getattr(works, str(what))(*arguments))


def _say(what: str | list[float]) -> None:
    sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
