"""A Trio stream, such as one in memory, as the byte stream of anyio that a websocket is opened over."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import anyio
import anyio.abc
import trio


class AnyioStream(anyio.abc.ByteStream):
    """A Trio stream that speaks and fails as anyio's byte streams do."""

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
