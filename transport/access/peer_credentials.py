"""Whose process is at the other end of a unix socket, as the system says: nobody can say it for another.

Linux: SO_PEERCRED of unix(7). macOS and the BSDs: LOCAL_PEERCRED of unix(4), `struct xucred` of sys/ucred.h. Imports
nothing but the standard library, so that a hook can afford it.
"""

from __future__ import annotations

import struct
import sys
from _socket import SOL_SOCKET  # `socket` itself takes 4 ms to import, and a hook starts before each call

from transport.discovery.light_tuple import NamedTuple

TYPE_CHECKING = False  # what only annotations name is not imported, likewise
if TYPE_CHECKING:
    from typing import Final, Protocol

    class Socket(Protocol):
        """What is asked of a socket."""

        def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
            """Return an option."""
            ...


_UCRED: Final = struct.Struct("iII")
"""Linux: pid, uid, gid."""

_SO_PEERCRED: Final = 17
"""As `socket.SO_PEERCRED` on Linux, which others do not have."""

_SOL_LOCAL: Final = 0
_LOCAL_PEERCRED: Final = 1
_XUCRED: Final = struct.Struct("IIh16I")
"""macOS: version, uid, number of groups, the groups, of which the first is the effective one."""

_XUCRED_VERSION: Final = 0


class Peer(NamedTuple):
    """Who is at the other end.

    Attributes:
        uid: The user's id.
        gid: The id of the user's effective group.
    """

    uid: int
    gid: int


def peer_of(unix: Socket, platform: str = sys.platform) -> Peer:
    """Return who is at the other end of a connected unix socket.

    Args:
        unix: The socket.
        platform: As `sys.platform` names it.

    Raises:
        OSError: The system does not say.
    """
    if platform == "linux":
        _, uid, gid = _UCRED.unpack(unix.getsockopt(SOL_SOCKET, _SO_PEERCRED, _UCRED.size))
        return Peer(uid, gid)
    try:
        version, uid, count, *groups = _XUCRED.unpack(unix.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size))
    except struct.error:
        raise OSError(f"the system ({platform}) does not say in a known form who is at the other end") from None
    if version != _XUCRED_VERSION or count < 1:
        raise OSError(f"the system ({platform}) does not say who is at the other end")
    return Peer(uid, groups[0])


def check_peer(unix: Socket, owner: int, path: str) -> None:
    """See that a process of this user is at the other end.

    Args:
        unix: The socket.
        owner: The user's id.
        path: The socket's path, for the error.

    Raises:
        PermissionError: Somebody else is.
        OSError: The system does not say.
    """
    found = peer_of(unix).uid
    if found != owner:
        raise PermissionError(f"user {found} answers on {path}, not user {owner}, whose hall it is; nothing was sent")
