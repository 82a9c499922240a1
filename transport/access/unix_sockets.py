"""Unix sockets to listen on: who connects is told by the system, and looked at before a byte is read.

A socket is bound under a name of its own and takes its place only once the server has the log's lock: so a stale socket
is replaced, and that of a running server never.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import trio

from transport.access.peer_credentials import Peer, peer_of
from transport.logs import Logger

log = Logger(__name__)

LONGEST_PATH: Final = 100
"""How long a socket's path may be, in bytes, with the suffix of its draft: macOS takes 103, Linux 107 (unix(7))."""

BACKLOG: Final = 1024
"""How many connections wait to be accepted; the system's own limit is lower where it is."""


class UnixListener(trio.abc.Listener[trio.SocketStream]):
    """Accepts what the right users open.

    Args:
        path: Where the socket is to be; in a directory that only those who may connect can reach.
        mode: The socket's mode.
        group: The id of the group that it belongs to; None for the user's own.
        may_enter: Says of a peer whether it may connect.

    Raises:
        OSError: The socket cannot be made.
    """

    def __init__(self, path: Path, mode: int, group: int | None, may_enter: Callable[[Peer], bool]) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.{os.getpid()}")
        self._may_enter = may_enter
        self._inode = -1
        self._draft.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(self._draft))
            if group is not None:
                os.chown(self._draft, -1, group)
            self._draft.chmod(mode)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            self._draft.unlink(missing_ok=True)
            raise
        self._listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))

    def take_place(self) -> None:
        """Put the socket where clients look for it, in place of what is there, and clear what killed servers left."""
        self._inode = self._draft.stat().st_ino
        self._draft.replace(self._path)
        for left in self._path.parent.glob(f"{self._path.name}.*"):
            left.unlink(missing_ok=True)

    def leave_place(self) -> None:
        """Take the socket's name away, unless another server's has its place by now. What is open stays open."""
        self._draft.unlink(missing_ok=True)
        try:
            if self._path.lstat().st_ino == self._inode:
                self._path.unlink()
        except FileNotFoundError:
            pass

    async def accept(self) -> trio.SocketStream:
        """Wait for a connection of somebody who may enter; a checkpoint."""
        while True:
            stream = await self._listener.accept()
            try:
                peer = peer_of(stream.socket)
            except OSError as error:
                log.warning("accept.peer_unknown", socket=str(self._path), error=str(error))
            else:
                if self._may_enter(peer):
                    return stream
                log.warning("accept.peer_refused", socket=str(self._path), user=peer.uid)
            await trio.aclose_forcefully(stream)

    async def aclose(self) -> None:
        """Take no more connections; a checkpoint."""
        await self._listener.aclose()
