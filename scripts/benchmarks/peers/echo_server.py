"""A bare trio-websocket server: answers every message with one of a given size. What a socket costs without a hall.

Usage: python -m benchmarks.peers.echo_server

prints its URL; `URL?bytes=N` answers each message with N bytes.
"""

from __future__ import annotations

import sys
from urllib.parse import parse_qs, urlsplit

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket


async def answer(request: WebSocketRequest) -> None:
    """Serve one connection."""
    size = int(parse_qs(urlsplit(request.path).query)["bytes"][0])
    reply = "x" * size
    websocket = await request.accept()
    try:
        while True:
            await websocket.get_message()
            await websocket.send_message(reply)
    except ConnectionClosed:
        return


async def main() -> None:
    """Serve on a free port until the process ends."""
    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve_websocket, answer, "127.0.0.1", 0, None)
        sys.stdout.write(f"ws://127.0.0.1:{server.port}/\n")
        sys.stdout.flush()


if __name__ == "__main__":
    trio.run(main)
