"""What leaves a connection: a bounded queue and the one task that writes it.

Requests are answered in tasks that may be cancelled at any time; a cancelled write would leave half a frame on the
wire. So answers are only queued there, and the writer's own write is shielded. A peer that doesn't read fills first the
socket, then the queue; then the connection is closed, because waiting would hold the answers of everybody's work in
memory. Results are plain data by now, so msgspec writes them and not the SDK's models.

What is queued when the writer comes leaves in one write, up to `TOGETHER` characters: a write costs as much as a frame.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import anyio
import msgspec
import trio
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCResponse
from trio_websocket import ConnectionClosed
from wsproto.utilities import LocalProtocolError

from transport.access.bytes_per_principal import HeldBytes
from transport.mcp.in_flight import InFlight
from transport.mcp.message_parser import RequestId
from transport.mcp.protocol_era import Era

TOGETHER: Final = 64 * 1024
"""How many characters are written together, but for those of the last message.

A write costs as much as making a frame, so small answers share one; a large one is worth a write of its own.
"""

MOST_QUEUED_BYTES: Final = 256 << 20
"""How many bytes may wait to be written to one principal's connections together: four full queues.

Without this bound, forty connections that read nothing took 800 MB in nine seconds.
"""

_encode = msgspec.json.Encoder().encode


class Outbound:
    """The write stream that the SDK sends to.

    Args:
        write: Writes messages together, in order; a checkpoint.
        in_flight: Told of each request that is answered here.
        era: Told of each result of the SDK's.
        messages: How many messages may be queued.
        queued_bytes: How many bytes may be queued; a single message may have more.
        held: What is queued for all connections of the principal; where that is too much, this queue is full too.
        write_s: How long one write may take, in seconds.
        overflow: Called once, when the queue is full.
        stuck: Called when a write took too long; the stream is beyond use then.
    """

    def __init__(
        self,
        write: Callable[[list[str]], Awaitable[None]],
        in_flight: InFlight,
        era: Era,
        *,
        messages: int,
        queued_bytes: int,
        held: HeldBytes,
        write_s: float,
        overflow: Callable[[], None],
        stuck: Callable[[], None],
    ) -> None:
        self._write = write
        self._in_flight = in_flight
        self._era = era
        self._max_bytes = queued_bytes
        self._write_s = write_s
        self._overflow = overflow
        self._stuck = stuck
        self._queued_bytes = 0
        self._held = held
        self._open = True
        self._hurry_until = math.inf
        self._writer = trio.CancelScope()
        self._send, self._receive = trio.open_memory_channel[str](messages)
        self.written = trio.Event()

    async def send(self, item: SessionMessage, /) -> None:
        """Queue a message of the SDK's. Does not checkpoint.

        Raises:
            anyio.ClosedResourceError: The connection is closing or has failed.
        """
        message = item.message
        if isinstance(message, JSONRPCResponse):
            self._in_flight.settle(message.id)
            self._era.answered(message.id)
            self._put({"jsonrpc": "2.0", "id": message.id, "result": message.result})
        elif isinstance(message, JSONRPCError):
            if message.id is not None:
                self._in_flight.settle(message.id)
            error = message.error
            self.refuse(message.id, error.code, error.message, error.data)
        else:
            self._put(message.model_dump(mode="json", by_alias=True, exclude_unset=True))

    def refuse(self, request_id: RequestId | None, code: int, message: str, data: Any = None) -> None:
        """Queue an error response. Does not checkpoint.

        Raises:
            anyio.ClosedResourceError: The connection is closing or has failed.
        """
        error: dict[str, Any] = {"code": code, "message": message}
        if data is not None:
            error["data"] = data
        self._put({"jsonrpc": "2.0", "id": request_id, "error": error})

    def hurry(self, deadline: float) -> None:
        """Let no write take longer than until `deadline` (by `trio.current_time()`). Does not checkpoint."""
        self._hurry_until = deadline
        if self._writer.shield:
            self._writer.deadline = min(self._writer.deadline, deadline)

    async def aclose(self) -> None:
        """Take no more messages; what is queued is still written. Does not checkpoint."""
        self._open = False
        self._send.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def write_all(self) -> None:
        """Write the queue until it is closed and empty, or the peer has gone: the writer task. Checkpoints."""
        try:
            with self._writer:
                async for text in self._receive:
                    await self._write_with(text)
            if self._writer.cancelled_caught:
                self._stuck()
        except (ConnectionClosed, LocalProtocolError):
            return
        finally:
            self._open = False
            self._receive.close()
            self._queued(-self._queued_bytes)
            self.written.set()

    async def _write_with(self, text: str) -> None:
        """Write a message that was taken from the queue, and what stands behind it."""
        texts, size = [text], len(text)
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while size < TOGETHER:
                texts.append(self._receive.receive_nowait())
                size += len(texts[-1])
        self._queued(-size)
        # The writer's one scope shields and has a deadline while it writes: one scope for each write costs more.
        writer = self._writer
        writer.deadline = min(trio.current_time() + self._write_s, self._hurry_until)
        writer.shield = True
        await self._write(texts)
        writer.shield = False
        writer.deadline = math.inf

    def put(self, text: str) -> None:
        """Queue a message that is JSON already. Does not checkpoint.

        Raises:
            anyio.ClosedResourceError: The connection is closing or has failed.
        """
        if not self._open:
            raise anyio.ClosedResourceError
        size = len(text)
        if self._queued_bytes and (
            self._queued_bytes + size > self._max_bytes or self._held.bytes + size > MOST_QUEUED_BYTES
        ):
            self._give_up()
        try:
            self._send.send_nowait(text)
        except trio.WouldBlock:
            self._give_up()
        self._queued(size)

    def _queued(self, size: int) -> None:
        self._queued_bytes += size
        self._held.bytes += size

    def _put(self, message: dict[str, Any]) -> None:
        self.put(_encode(message).decode())

    def _give_up(self) -> None:
        """Drop what is queued: the peer gets the frames that are being written, and then the close frame."""
        self._open = False
        while self._receive.statistics().current_buffer_used:
            self._receive.receive_nowait()
        self._queued(-self._queued_bytes)
        self._send.close()
        self._overflow()
        raise anyio.ClosedResourceError
