"""Connections that have not said a word yet: they wait here, where one costs an entry in a selector and no task.

A flood of connections that never say anything is the cheapest there is. Each used to become a supervised connection at
once, which took a millisecond, and to push out the oldest that had shown no token: at 1,000 a second the loop did
nothing else, and who took more than 128 ms to send a request was cut off. Now nothing is built before the first byte
is there, whoever speaks is pushed out by nobody who does not, and who hangs up without a word is never served.

A task for each, waiting for its socket, was tried first: it cost half of what trio-websocket spends on a connection.
A selector of their own is one descriptor more, which the loop is asked about like any other.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import trio

from transport.logs import Logger

log = Logger(__name__)

MOST_SILENT: Final = 1024
"""How many silent connections a listener keeps: at 1,000 new ones a second, an honest client has a second to speak."""


class _Silent(NamedTuple):
    stream: trio.abc.Stream
    deadline: float


class SilentConnections:
    """Those of one listening socket, the oldest first.

    Args:
        most: How many there may be; one more, and the oldest has to go.
        within_s: How long one may be silent, in seconds.
    """

    def __init__(self, most: int, within_s: float) -> None:
        self._most = most
        self._within_s = within_s
        self._selector = selectors.DefaultSelector()
        self._waiting: dict[trio.socket.SocketType, _Silent] = {}
        self._news = trio.CancelScope()
        self._pushed_out = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, stream: trio.abc.Stream) -> bool:
        """Keep a connection until it says something; False, and nothing is kept, where it is not one of sockets.

        What is in memory has no queue that can be looked into without taking from it. Does not checkpoint.
        """
        found = _socket_of(stream)
        if found is None:
            return False
        if len(self._waiting) >= self._most:
            self._close(next(iter(self._waiting)))
            self._pushed_out += 1
            if self._pushed_out.bit_count() == 1:  # the more rarely the more there are: a flood must not fill the log
                log.info("accept.silent_pushed_out", connections=self._pushed_out)
        if not self._waiting:
            self._news.cancel()  # who waits knows of no deadline yet
        self._waiting[found] = _Silent(stream, trio.current_time() + self._within_s)
        self._selector.register(found, selectors.EVENT_READ)
        return True

    async def run(self, heard: Callable[[trio.abc.Stream], None]) -> None:
        """Hand on each that says something or hangs up, close those that are silent too long; checkpoints.

        Args:
            heard: Takes a connection whose first bytes are there to be read; says what `has_hung_up` cannot.
        """
        try:
            while True:
                with trio.CancelScope(deadline=self._deadline()) as self._news:
                    await trio.lowlevel.wait_readable(self._selector.fileno())
                for key, _ in self._selector.select(0):
                    found: Any = key.fileobj
                    self._selector.unregister(found)
                    heard(self._waiting.pop(found).stream)
                while self._deadline() <= trio.current_time():
                    self._close(next(iter(self._waiting)))
        finally:
            for each in list(self._waiting):
                self._close(each)
            self._selector.close()

    def _deadline(self) -> float:
        return next(iter(self._waiting.values())).deadline if self._waiting else float("inf")

    def _close(self, silent: trio.socket.SocketType) -> None:
        del self._waiting[silent]
        self._selector.unregister(silent)
        silent.close()


async def has_hung_up(stream: trio.abc.Stream) -> bool:
    """Say whether a connection that was heard of has ended without a word; a checkpoint, and takes nothing from it."""
    found = _socket_of(stream)
    try:
        return found is not None and not await found.recv(1, socket.MSG_PEEK)
    except OSError:
        return True


def _socket_of(stream: trio.abc.Stream) -> trio.socket.SocketType | None:
    transport: Any = getattr(stream, "transport_stream", stream)  # of TLS, whose handshake the client begins
    return transport.socket if isinstance(transport, trio.SocketStream) else None
