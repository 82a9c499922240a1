"""Several messages in one write: frames may stand one behind the other, and a write costs as much as making a frame.

trio-websocket writes each message by itself. This does what its `send_message` does, for several: the same checks, the
same lock that keeps frames apart from the pongs of its reader task, the same end where the stream is broken.
"""

from __future__ import annotations

from typing import Any, cast

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.events import TextMessage


async def send_together(websocket: WebSocketConnection, texts: list[str]) -> None:
    """Send text messages, in order, in one write; a checkpoint.

    Raises:
        trio_websocket.ConnectionClosed: The connection is closed, being closed or broken.
        wsproto.utilities.LocalProtocolError: A close frame was sent.
    """
    if websocket.closed is not None:
        raise ConnectionClosed(websocket.closed)
    library = cast("Any", websocket)
    protocol, lock, stream = library._wsproto, library._stream_lock, library._stream  # noqa: SLF001 - no other way in
    frames = b"".join([protocol.send(TextMessage(data=text)) for text in texts])
    try:
        lock.acquire_nowait()  # where it is free, without a turn for others: the write is one anyway
    except trio.WouldBlock:
        await lock.acquire()
    try:
        await stream.send_all(frames)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        await library._abort_web_socket()  # noqa: SLF001 - likewise
        raise ConnectionClosed(websocket.closed) from None
    finally:
        lock.release()
