"""A network of its own, in which there is 127.0.0.1 and nothing else: what runs there reaches nobody outside.

The same as `unshare --net`, but for one thread: a network namespace belongs to a thread, and a socket stays in the one
where it was made. So a short-lived thread makes the namespace and the sockets in it, and children enter it before they
run; this process itself stays where it is. Needs root.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_UP_AND_RUNNING = 0x1 | 0x40
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Network:
    """A network namespace.

    Raises:
        PermissionError: Only root can make one.
    """

    def __init__(self) -> None:
        self._file = -1
        self._in_thread(self._make)

    def _make(self) -> None:
        _checked(_libc.unshare(_CLONE_NEWNET))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _UP_AND_RUNNING))
        self._file = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def _in_thread(self, work: Callable[[], None]) -> None:
        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(work).result()

    def enter(self) -> None:
        """Enter it, for good: what a child does before it runs its program."""
        _checked(_libc.setns(self._file, _CLONE_NEWNET))

    def listener(self) -> socket.socket:
        """Return a socket that listens on a free port of 127.0.0.1 there."""
        made: list[socket.socket] = []

        def make() -> None:
            self.enter()
            made.append(socket.create_server(("127.0.0.1", 0)))

        self._in_thread(make)
        return made[0]

    def close(self) -> None:
        os.close(self._file)
