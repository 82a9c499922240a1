"""A listener without sockets: the same connection code over in-memory streams, so a whole tree runs in virtual time."""

from __future__ import annotations

import math

import trio
from trio.testing import memory_stream_pair


class MemoryListener(trio.abc.Listener[trio.abc.Stream]):
    """Accepts what `connect` opens.

    Example:
        >>> async def main():
        ...     listener = MemoryListener()
        ...     client = listener.connect()
        ...     server = await listener.accept()
        ...     await client.send_all(b"hello")
        ...     return await server.receive_some(5)
        >>> bytes(trio.run(main))
        b'hello'
    """

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[trio.abc.Stream](math.inf)

    def connect(self, theirs: trio.abc.Stream | None = None) -> trio.abc.Stream:
        """Open a connection and return the client's end. Does not checkpoint.

        Args:
            theirs: The server's end, where the caller has made the pair itself; it is then what is returned too.

        Raises:
            trio.BrokenResourceError: The listener is closed.
        """
        ours = theirs
        if theirs is None:
            ours, theirs = memory_stream_pair()
        self._send.send_nowait(theirs)
        assert ours is not None
        return ours

    async def accept(self) -> trio.abc.Stream:
        """Wait for a connection; a checkpoint."""
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            raise trio.ClosedResourceError from None

    async def aclose(self) -> None:
        """Take no more connections; a checkpoint."""
        self._receive.close()
        await trio.lowlevel.checkpoint()
