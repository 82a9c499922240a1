"""Finds peers that are gone without a word: a ping now and then, and the connection closes if no pong comes.

A dead peer's socket looks like an idle one for hours. The ping is sent in a task of its own, so that giving up the wait
for its pong never cuts a frame in two: what is stuck in the middle of a write ends with the connection.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.utilities import LocalProtocolError


async def keep_alive(
    websocket: WebSocketConnection, nursery: trio.Nursery, ping_s: float, pong_s: float, lost: Callable[[], None]
) -> None:
    """Ping a peer until one ping is not answered; checkpoints.

    Args:
        websocket: The connection.
        nursery: Where pings are sent; ends with the connection.
        ping_s: How long after an answer the next ping is sent, in seconds.
        pong_s: How long its answer may take, in seconds.
        lost: Called when it did not come.
    """
    answered = True
    while answered:
        await trio.sleep(ping_s)
        pong = trio.Event()
        nursery.start_soon(_ping, websocket, pong)
        with trio.move_on_after(pong_s):
            await pong.wait()
        answered = pong.is_set()
    lost()


async def _ping(websocket: WebSocketConnection, pong: trio.Event) -> None:
    with suppress(ConnectionClosed, LocalProtocolError):
        await websocket.ping()
        pong.set()
