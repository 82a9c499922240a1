"""Reading and writing stdin and stdout without threads, and without a change of their mode, which others share.

The loop is asked when a descriptor is ready; what it then reads or writes does not block: POSIX promises that a pipe
which is ready for writing takes `PIPE_BUF` bytes. Files are always ready, which epoll says by refusing them.
"""

from __future__ import annotations

import os
import select
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

import anyio


class Lines:
    """Cuts what was read into lines. Nothing here checkpoints.

    Args:
        most: How many bytes a line may have.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """Return the lines that end in this data, without blank ones; None for each that is too long."""
        *whole, self._rest = (self._rest + data).split(b"\n") if b"\n" in data else (self._rest + data,)
        lines: list[bytes | None] = []
        for line in whole:
            if self._skipping:
                self._skipping = False
            elif len(line) > self._most:
                lines.append(None)
            elif stripped := line.strip():
                lines.append(stripped)
        if len(self._rest) > self._most:
            if not self._skipping:
                lines.append(None)
            self._rest, self._skipping = b"", True
        return lines


async def read_lines(descriptor: int, most: int) -> AsyncGenerator[bytes | None]:
    """Yield each line that is not blank until the end, None for one of more than `most` bytes; checkpoints."""
    lines = Lines(most)
    while True:
        await _ready(anyio.wait_readable, descriptor)
        data = os.read(descriptor, 65536)
        for line in lines.feed(data or b"\n"):
            yield line
        if not data:
            return


async def write(descriptor: int, data: bytes) -> None:
    """Write all; a checkpoint.

    Raises:
        BrokenPipeError: Nobody reads any more.
    """
    rest = memoryview(data)
    while rest:
        await _ready(anyio.wait_writable, descriptor)
        rest = rest[os.write(descriptor, rest[: select.PIPE_BUF]) :]


async def _ready(wait: Callable[[int], Awaitable[None]], descriptor: int) -> None:
    with suppress(PermissionError):  # a file: it is ready
        await wait(descriptor)
