"""A listener without sockets: the same connection code over in-memory streams, so a whole tree runs in virtual time."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager

import anyio
import anyio.abc
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


class AnyioStream(anyio.abc.ByteStream):
    """A Trio stream, such as one in memory, as anyio's byte streams are."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return what has come; a checkpoint. Raises anyio's errors."""
        with _as_anyio_says():
            data = bytes(await self._stream.receive_some(max_bytes))
        if not data:
            raise anyio.EndOfStream
        return data

    async def send(self, item: bytes) -> None:
        """Send all; a checkpoint. Raises anyio's errors."""
        with _as_anyio_says():
            await self._stream.send_all(item)

    async def send_eof(self) -> None:
        """Do nothing: a websocket has an end of its own. A checkpoint."""
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close; a checkpoint."""
        await self._stream.aclose()


@contextmanager
def _as_anyio_says() -> Generator[None]:
    try:
        yield
    except trio.ClosedResourceError:
        raise anyio.ClosedResourceError from None
    except trio.BrokenResourceError as error:
        raise anyio.BrokenResourceError from error
