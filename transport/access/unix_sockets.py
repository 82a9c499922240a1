"""Unix sockets to listen on: who connects is told by the system, and looked at before a byte is read.

A socket is bound under a name of its own and takes its place only once the server has the log's lock: so a stale socket
is replaced, and that of a running server never. Its name can go while the server runs, as a user's runtime directory
does when their last session ends: it is bound again then, while what is open stays open.
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
        self._mode = mode
        self._group = group
        self._may_enter = may_enter
        self._settle(path)

    @property
    def path(self) -> Path:
        """Where the socket is to be."""
        return self._path

    def _settle(self, path: Path) -> None:
        """Listen under a draft's name beside the place that is to be taken; nothing has changed where that fails."""
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(draft))
            if self._group is not None:
                os.chown(draft, -1, self._group)
            draft.chmod(self._mode)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            draft.unlink(missing_ok=True)
            raise
        self._path, self._draft, self._own = path, draft, (-1, -1)
        self._listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))

    def take_place(self) -> None:
        """Put the socket where clients look for it, in place of what is there, and clear what killed servers left."""
        own = _inode(self._draft)
        self._draft.replace(self._path)
        self._own = own
        for left in self._path.parent.glob(f"{self._path.name}.*"):
            left.unlink(missing_ok=True)

    def has_place(self) -> bool:
        """Say whether clients find this socket where they look for it."""
        try:
            return _inode(self._path) == self._own
        except OSError:
            return False

    def move(self, path: Path) -> None:
        """Listen at another path, or at the same one again, and take that place. What was accepted stays open.

        Raises:
            OSError: The socket cannot be made there; the former one listens on.
        """
        former = self._listener
        self._settle(path)
        former.socket.close()  # wakes who waits in `accept`, who goes on with the new one
        self.take_place()

    def leave_place(self) -> None:
        """Take the socket's name away, unless another server's has its place by now. What is open stays open."""
        self._draft.unlink(missing_ok=True)
        if self.has_place():
            self._path.unlink(missing_ok=True)

    async def accept(self) -> trio.SocketStream:
        """Wait for a connection of somebody who may enter; a checkpoint."""
        while True:
            listener = self._listener
            try:
                stream = await listener.accept()
            except trio.ClosedResourceError:
                if listener is self._listener:
                    raise
                continue
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


def _inode(path: Path) -> tuple[int, int]:
    """Return what a name stands for; a socket that is open keeps its own from being given to another file."""
    status = path.lstat()
    return status.st_dev, status.st_ino
