"""trio-websocket's reader task, contained: what peers can make it raise ends the reading and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import trio
from trio_websocket import WebSocketRequest

from transport.access.bytes_per_principal import HeldBytes
from transport.websocket.message_size import Fragments
from transport.websocket.receive_buffer import ReceiveBuffer


class Reader:
    """Stands in for the nursery that trio-websocket starts its reader task in.

    The library's reader dies of what peers can send (a ping after the close, a path that is not ASCII), and a peer that
    leaves during the handshake is not reported at all. Here the end of the reader is an event like any other.

    Args:
        nursery: Where the task really runs.
        handshake_s: How long the handshake may take, in seconds.

    Attributes:
        ended: Set when nothing more will be read.
        handshake: The scope to shake hands in; cancelled when nothing more will be read.
        error: What the reader died of, if it did.
        buffer: Where it leaves messages, once attached.
    """

    def __init__(self, nursery: trio.Nursery, handshake_s: float) -> None:
        self._nursery = nursery
        self.ended = trio.Event()
        self.handshake = trio.CancelScope(deadline=trio.current_time() + handshake_s)
        self.error: Exception | None = None
        self.buffer = ReceiveBuffer()
        self._fragments = Fragments()

    def attach(self, request: WebSocketRequest, unfinished: HeldBytes) -> None:
        """See to what will be read, before it is: where it goes, and how much its principal may leave unfinished."""
        self.buffer.attach(request)
        self._fragments.unfinished = unfinished

    def as_nursery(self) -> trio.Nursery:
        """Return this reader, typed as the nursery that it stands in for: only `start_soon` is there."""
        return cast("trio.Nursery", self)

    def start_soon(self, task: Callable[..., Awaitable[object]], *args: Any) -> None:
        """Start the reader task. Does not checkpoint."""
        self._nursery.start_soon(self._run, task, args)

    async def _run(self, task: Callable[..., Awaitable[object]], args: tuple[Any, ...]) -> None:
        self._fragments.attach(cast("Any", task).__self__)
        try:
            await task(*args)
        except Exception as error:  # noqa: BLE001 - any kind: a peer's bytes decide which
            self.error = error
        finally:
            self.ended.set()
            self._fragments.end()
            self.buffer.end()
            self.handshake.cancel()
