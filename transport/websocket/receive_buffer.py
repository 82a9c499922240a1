"""The messages that were read and not taken yet: stands in for trio-websocket's channel, which costs two switches each.

The library hands each message over a channel, and both ends pass through the scheduler for each. Clients that have many
requests under way send many frames in a packet. So here the reader goes on while there is room, and whoever takes
messages goes on while there are some: both let others run after `MESSAGES` of them at the latest, and who takes them
after `TURN_S`, since a single one may be a thousand requests.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, cast

import trio
from trio_websocket import WebSocketRequest

MESSAGES: Final = 16
"""How many messages may wait, and so how many are taken before others get a turn.

With 32 calls of `health` in flight, taking so many at once, and answering them together, halved the processor time.
"""

TURN_S: Final = 0.001
"""How long messages are taken before others get a turn, in seconds; one that takes longer is not interrupted.

Sixteen batches of a thousand requests in a row would hold up everybody: with this bound, another connection's `health`
beside a flood of them took 68 ms (p90) in place of 92.
"""

CHARACTERS: Final = 64 * 1024
"""How many characters may wait, but for those of the last message: as much as is read from a socket at once."""


class ReceiveBuffer:
    """Stands in for both ends of the channel of one websocket."""

    __slots__ = ("_began", "_characters", "_dropped", "_ended", "_messages", "_reader", "_taker")

    def __init__(self) -> None:
        self._messages: deque[str | bytes] = deque()
        self._characters = 0
        self._began = 0.0
        self._ended = False
        self._dropped = False
        self._reader = trio.lowlevel.ParkingLot()
        self._taker = trio.lowlevel.ParkingLot()

    def attach(self, request: WebSocketRequest) -> None:
        """Take the channel's place, before the first message can come. Does not checkpoint."""
        library = cast("Any", request)._connection  # noqa: SLF001 - there is no other way in
        library._send_channel = _Sender(self)  # noqa: SLF001 - likewise
        library._recv_channel = self  # noqa: SLF001 - likewise

    async def put(self, message: str | bytes) -> None:
        """Leave a message; a checkpoint only where there is no room.

        Raises:
            trio.BrokenResourceError: Nobody will take it.
        """
        while (len(self._messages) >= MESSAGES or self._characters > CHARACTERS) and not self._dropped:
            await self._reader.park()
        if self._dropped:
            raise trio.BrokenResourceError
        self._messages.append(message)
        self._characters += len(message)
        self._taker.unpark()

    def end(self) -> None:
        """Say that no more messages come; those that are here may be taken. Does not checkpoint."""
        self._ended = True
        self._taker.unpark_all()

    async def receive(self) -> str | bytes:
        """Return the next message; a checkpoint where there is none or a turn is over, but it may be cancelled at any.

        Raises:
            trio.EndOfChannel: No more will come.
        """
        if self._messages and trio.current_time() - self._began > TURN_S:
            await trio.lowlevel.checkpoint()
            self._began = trio.current_time()
        else:
            await trio.lowlevel.checkpoint_if_cancelled()
        while not self._messages:
            if self._ended:
                raise trio.EndOfChannel
            await self._taker.park()
            self._began = trio.current_time()
        message = self._messages.popleft()
        self._characters -= len(message)
        self._reader.unpark()
        return message

    async def aclose(self) -> None:
        """Drop what is here and take no more. Does not checkpoint."""
        self._dropped = True
        self._messages.clear()
        self._reader.unpark_all()
        self.end()


class _Sender:
    """The library's end."""

    __slots__ = ("_buffer",)

    def __init__(self, buffer: ReceiveBuffer) -> None:
        self._buffer = buffer

    async def send(self, message: str | bytes) -> None:
        await self._buffer.put(message)

    async def aclose(self) -> None:
        self._buffer.end()
