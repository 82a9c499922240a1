"""The few ports to the outside. They are passed in, so that the whole tree can run under a mock clock."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

import trio

from actors.disk_thread import DiskThread, DiskWorker
from store import free_bytes

T = TypeVar("T")


class RunSync(Protocol):
    """Runs a blocking function without blocking the loop."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]:
        """Run it and return what it returns; a checkpoint. Cancellation waits until the function has returned."""
        ...


async def in_thread(function: Callable[[], T], /) -> T:
    """Run a blocking function in a worker thread; a checkpoint."""
    return await trio.to_thread.run_sync(function)


async def inline(function: Callable[[], T], /) -> T:
    """Run a blocking function where it stands: for tests, where a thread under an autojumping clock fires deadlines."""
    await trio.lowlevel.checkpoint()
    return function()


class BorrowedThread:
    """Does disk work through a port that runs functions. See `DiskWorker`."""

    def __init__(self, run_sync: RunSync) -> None:
        self._run_sync = run_sync
        self._work: Callable[[], None] | None = None

    def begin(self, work: Callable[[], None]) -> None:
        """Keep a piece of work until it is waited for. Does not checkpoint."""
        self._work = work

    async def ended(self) -> None:
        """Do the work; a checkpoint. Raises what the work raised."""
        work, self._work = self._work, None
        assert work is not None
        await self._run_sync(work)

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


class Ports:
    """What the hall needs from outside.

    Args:
        run_sync: Runs disk work; `in_thread` outside tests.
        clock_ns: The wall clock, in nanoseconds since the epoch.
        random_bytes: Where ids come from.
        free_bytes: How much a directory's disk has left; blocking.
    """

    def __init__(
        self,
        run_sync: RunSync = in_thread,
        clock_ns: Callable[[], int] = time.time_ns,
        random_bytes: Callable[[int], bytes] = os.urandom,
        free_bytes: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.run_sync = run_sync
        self.clock_ns = clock_ns
        self.random_bytes = random_bytes
        self.free_bytes = free_bytes

    def disk_worker(self) -> DiskWorker:
        """Return what writes to the disk for one actor: a thread of its own, or the port where that is another one."""
        return DiskThread() if self.run_sync is in_thread else BorrowedThread(self.run_sync)
