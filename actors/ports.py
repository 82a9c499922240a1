"""The few ports to the outside. They are passed in, so that the whole tree can run under a mock clock."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

import trio

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
