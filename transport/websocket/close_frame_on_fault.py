"""A close frame for a peer that breaks the websocket protocol: 1007 for invalid UTF-8, 1002 for other faults.

trio-websocket 0.12.2 notices such faults and closes the stream without that frame. This sends it, and leaves the stream
to the connection, whose end waits a moment for the peer: unread data would turn the close into a reset.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, cast

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection
from wsproto.utilities import LocalProtocolError

FAULTS: Final = frozenset({1002, 1007})
CLOSE_FRAME_S: Final = 1.0
"""How long the close frame may take to be written, in seconds: a peer that reads takes none of it."""

_REASON_BYTES: Final = 120  # a close frame has room for 123 (RFC 6455, 5.5)


def send_close_frame_on_faults(websocket: WebSocketConnection) -> None:
    """Have a websocket send a close frame before its reader gives up on a peer's faults. Does not checkpoint."""
    library = cast("Any", websocket)
    close_stream = library._close_stream  # noqa: SLF001 - there is no other way in

    async def close() -> None:
        reason = websocket.closed
        protocol = library._wsproto  # noqa: SLF001 - likewise
        if reason is None or reason.code not in FAULTS or protocol.state is not ConnectionState.OPEN:
            await close_stream()
            return
        library._reader_running = False  # noqa: SLF001 - as the library does
        frame = CloseConnection(reason.code, (reason.reason or "").encode()[:_REASON_BYTES].decode("utf-8", "ignore"))
        with (
            trio.move_on_after(CLOSE_FRAME_S),
            suppress(ConnectionClosed, LocalProtocolError, trio.BrokenResourceError),
        ):
            await library._send(frame)  # noqa: SLF001 - its lock keeps frames apart

    library._close_stream = close  # noqa: SLF001 - likewise
