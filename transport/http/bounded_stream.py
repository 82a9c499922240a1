"""The stream that Hypercorn is given.

Hypercorn shields its writes from cancellation and lets them take for ever, so a peer that does not read would hold up a
stop; it notices only after the keep-alive time that an idle peer has gone; it closes while it writes, when a peer sends
nonsense behind a good request; and it serves all that a peer has sent that can be answered no more. This stream sees to
all four.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio


class _NoSocket:
    """What Hypercorn asks a socket for, answered with nothing: who the peer is comes from its token."""

    family: Final = socket.AF_UNSPEC

    @staticmethod
    def getpeername() -> None:
        return None

    getsockname = getpeername


class BoundedStream(trio.abc.HalfCloseableStream):
    """A stream whose writes end, and that says when its peer has gone.

    Args:
        stream: The stream beneath.
        write_s: How long one write may take, in seconds.
        gone: Called when nothing more will be read.
        stuck: Called when a write failed or took too long; the stream is beyond use then.
    """

    socket = _NoSocket()

    def __init__(
        self,
        stream: trio.abc.Stream,
        write_s: float,
        *,
        gone: Callable[[], Awaitable[None]],
        stuck: Callable[[], None],
    ) -> None:
        self._stream: Any = stream
        self._write_s = write_s
        self._gone = gone
        self._stuck = stuck
        self._hurry_until = math.inf
        self._writing = trio.CancelScope()
        self._turn = trio.Lock()

    async def shake_hands(self, within_s: float) -> bool:
        """Do the TLS handshake, if there is one to do; say whether the stream can be used. A checkpoint."""
        with trio.move_on_after(within_s):
            await getattr(self._stream, "do_handshake", trio.lowlevel.checkpoint)()
            return True
        return False

    def hurry(self, deadline: float) -> None:
        """Let no write take longer than until `deadline` (by `trio.current_time()`). Does not checkpoint."""
        self._hurry_until = deadline
        self._writing.deadline = min(self._writing.deadline, deadline)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all; a checkpoint. Raises `trio.BrokenResourceError` also when the peer does not read."""
        deadline = min(trio.current_time() + self._write_s, self._hurry_until)
        try:
            with trio.CancelScope(deadline=deadline) as self._writing:
                async with self._turn:
                    await self._stream.send_all(data)
        except trio.BrokenResourceError:  # what the peer has sent before it went may be much, and is for nobody
            self._stuck()
            raise
        if self._writing.cancelled_caught:
            self._stuck()
            await trio.aclose_forcefully(self._stream)
            raise trio.BrokenResourceError("the peer does not read")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the stream beneath may take more; a checkpoint."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what has come; a checkpoint."""
        data: bytes = b""
        try:
            data = await self._stream.receive_some(max_bytes)
        finally:
            if not data:
                await self._gone()
        return data

    async def send_eof(self) -> None:
        """Say that no more will be sent, where the stream beneath can; a checkpoint."""
        # While something is written there is no end to announce: the close that follows cuts it off.
        if isinstance(self._stream, trio.abc.HalfCloseableStream) and not self._turn.locked():
            async with self._turn:
                await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close; a checkpoint."""
        await self._stream.aclose()
