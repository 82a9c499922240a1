"""A websocket from the client's side: wsproto over anyio's byte streams, so that Trio and asyncio are alike to it.

There is no task in here. A caller that sends while nobody writes becomes the writer, and writes what others queue
meanwhile in a scope that no cancellation reaches: a cancelled caller must not leave half a frame on the stream. The
server pings every half minute, so a peer that has been silent for `SILENCE_S` is gone, whatever its socket says.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import anyio
from anyio.abc import ByteStream
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

from transport.dial.address import Address, Dial, Lost, Refused, in_short, remedy

MAX_MESSAGE_BYTES: Final = 256 << 20
"""The largest message that is taken from a server: a page of events is much smaller, so this only ends a runaway."""

SILENCE_S: Final = 90.0
"""How long a server may say nothing, not even a ping, in seconds: three of its pings."""

CONNECT_S: Final = 30.0
"""How long it may take to connect and shake hands, in seconds."""

WRITE_S: Final = 30.0
"""How long one write may take, in seconds."""

CLOSE_S: Final = 5.0
"""How long the end of a connection may take, in seconds."""

QUEUE_BYTES: Final = 1 << 20
"""How much may wait to be written; a caller that has more to send waits."""

_RECEIVE_BYTES: Final = 65536
_SWITCHED: Final = 101
_BROKEN: Final = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


class WebSocket:
    """A websocket that is open; made by `open_websocket`. One task at a time may receive, any number may send."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._texts: list[str] = []
        self._pieces: list[str] = []
        self._pieces_bytes = 0
        self._queue: list[bytes] = []
        self._queued_bytes = 0
        self._writing = False
        self._written = anyio.Event()
        self._lost: Lost | None = None
        self._closing = False
        self._reading = False
        self._ended = anyio.Event()

    async def shake_hands(self, address: Address) -> None:
        """Ask for the upgrade; a checkpoint.

        Raises:
            ValueError: The token is not one.
            Refused: The server says no.
            Lost: It is no server of websockets.
        """
        request = Request(
            host=address.host, target=address.target, subprotocols=["mcp"], extra_headers=address.headers()
        )
        try:
            await self._write(self._protocol.send(request))
            status, body = await self._answer()
        except (ProtocolError, *_BROKEN) as error:
            raise Lost(
                f"{address.host} did not shake hands: {error!r}; is it a hall? With TLS it takes wss://"
            ) from None
        if status != _SWITCHED:
            raise Refused(address.host, status, body.decode("utf-8", "replace").strip())
        self._take_all()

    async def _answer(self) -> tuple[int, bytes]:
        status, body = 0, b""
        while True:
            try:
                self._protocol.receive_data(await self._stream.receive(_RECEIVE_BYTES))
            except _BROKEN:
                if status:
                    return status, body
                raise
            for event in self._protocol.events():
                match event:
                    case AcceptConnection():
                        return _SWITCHED, b""
                    case RejectConnection():
                        status = event.status_code
                    case RejectData():
                        body += event.data
                    case _:
                        pass
                if _refusal_ends_with(event):
                    return status, body

    async def receive(self) -> str:
        """Return the next message; a checkpoint.

        Raises:
            Lost: The connection has ended.
        """
        while not self._texts:
            if self._lost is not None:
                raise self._lost
            if self._reading:  # whoever closes reads to the end, and may have begun before us
                await self._ended.wait()
                continue
            try:
                await self._read()
            except (ProtocolError, *_BROKEN):
                raise self._lose("the connection broke") from None
        return self._texts.pop(0)

    async def send(self, text: str) -> None:
        """Send a message, or leave it to the task that writes already; a checkpoint only where it has to wait.

        Raises:
            Lost: The connection has ended.
        """
        while self._queued_bytes > QUEUE_BYTES and self._lost is None:
            await self._written.wait()
        if self._lost is not None or self._closing:
            raise self._lost or Lost("the connection is closed")
        self._put(TextMessage(data=text))
        await self._flush()

    async def aclose(self) -> None:
        """Say goodbye, wait for the server's answer, whoever receives it, and close; a checkpoint."""
        with anyio.move_on_after(CLOSE_S, shield=True):
            if self._lost is None and not self._closing:
                self._closing = True
                self._put(CloseConnection(code=1000))
                with suppress(ProtocolError, Lost, *_BROKEN):
                    await self._flush()
                    await self._wait_for_end()
        self._lose("the connection is closed")
        await anyio.aclose_forcefully(self._stream)

    async def _wait_for_end(self) -> None:
        if self._reading:
            await self._ended.wait()
        while self._lost is None:
            await self._read()

    async def _read(self) -> None:
        self._reading = True
        try:
            with anyio.move_on_after(SILENCE_S) as scope:
                self._protocol.receive_data(await self._stream.receive(_RECEIVE_BYTES))
        finally:
            self._reading = False
        if scope.cancelled_caught:
            raise self._lose(f"the server was silent for {SILENCE_S:g} seconds")
        self._take_all()
        if self._queue:
            await self._flush()

    def _take_all(self) -> None:
        for event in self._protocol.events():
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case TextMessage():
                self._piece(event.data, finished=event.message_finished)
            case Ping():
                self._put(event.response())
            case CloseConnection():
                if not self._closing:
                    self._put(event.response())
                self._lose(f"the server closed: {event.code} {event.reason or ''}".rstrip(), event.code)
            case BytesMessage():
                self._lose("the server sent a binary message")
            case _:
                pass

    def _piece(self, data: str, *, finished: bool) -> None:
        self._pieces.append(data)
        self._pieces_bytes += len(data)
        if self._pieces_bytes > MAX_MESSAGE_BYTES:
            self._lose(f"the server sent more than {MAX_MESSAGE_BYTES} bytes in a message")
        elif finished:
            self._texts.append("".join(self._pieces))
            self._pieces.clear()
            self._pieces_bytes = 0

    def _lose(self, why: str, code: int | None = None) -> Lost:
        if self._lost is None:
            self._lost = Lost(why, code)
            self._ended.set()
        return self._lost

    def _put(self, event: TextMessage | CloseConnection | Event) -> None:
        data = self._protocol.send(event)
        self._queue.append(data)
        self._queued_bytes += len(data)

    async def _flush(self) -> None:
        if self._writing:
            return
        self._writing = True
        try:
            while self._queue:
                data, self._queue, self._queued_bytes = b"".join(self._queue), [], 0
                await self._write(data)
                self._written.set()
                self._written = anyio.Event()
        except (Lost, *_BROKEN):
            # Whoever receives has to notice too.
            await anyio.aclose_forcefully(self._stream)
            raise self._lose("the connection broke") from None
        finally:
            self._writing = False
            self._written.set()

    async def _write(self, data: bytes) -> None:
        with anyio.move_on_after(WRITE_S, shield=True) as scope:
            await self._stream.send(data)
        if scope.cancelled_caught:
            raise self._lose(f"the server did not read for {WRITE_S:g} seconds")


def _refusal_ends_with(event: Event) -> bool:
    return (isinstance(event, RejectConnection) and not event.has_body) or (
        isinstance(event, RejectData) and event.body_finished
    )


async def open_websocket(address: Address, dial: Dial | None = None) -> WebSocket:
    """Connect within `CONNECT_S`; a checkpoint. Whoever gets the websocket closes it.

    Args:
        address: Where, and as whom.
        dial: Gives the stream to shake hands over; that of the address unless given.

    Raises:
        ValueError: The address is invalid, or the token is not one.
        Refused: The server says no.
        Lost: Nobody answers there, or it is no server of websockets.
    """
    stream: ByteStream | None = None
    opened = False
    address.headers()  # before anything is sent, or anyone is asked to connect
    try:
        with anyio.move_on_after(CONNECT_S):
            stream = await (dial or address.dial)()
            websocket = WebSocket(stream)
            await websocket.shake_hands(address)
            opened = True
            return websocket
        raise Lost(f"{address.place} did not answer within {CONNECT_S:g} seconds")
    except _BROKEN as error:
        raise Lost(f"cannot reach {address.place}: {in_short(error)}; {remedy(error)}") from None
    finally:
        if stream is not None and not opened:
            await anyio.aclose_forcefully(stream)
