"""Where unix sockets of a server may lie: in a folder of the user alone or one that a group enters, and its members."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import stat
from pathlib import Path
from typing import Final

import trio

from transport.access.peer_credentials import Peer
from transport.access.unix_sockets import LONGEST_PATH
from transport.discovery.data_directory import agents_directory
from transport.discovery.private_directory import NotBelieved, check_private, make_private

WS_SOCKET: Final = "ws.sock"
HTTP_SOCKET: Final = "http.sock"

LONGEST_PID: Final = 4_194_304
"""The greatest process id of Linux (proc(5)), which a socket's draft is named by."""

KNOWN_S: Final = 60.0
"""How long it is believed who is of a group, in seconds: whoever leaves it has lost the socket's file at once."""


def runtime_folder(data: Path) -> Path | None:
    """Return the folder for the sockets in the user's runtime directory; None where there is none to be believed."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}")
    folder = base / "moothall" / hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    if not base.is_absolute() or _is_too_long(folder):
        return None
    try:
        check_private(base)
        make_private(folder.parent)
        make_private(folder)
    except (OSError, NotBelieved):
        return None
    return folder


def group_folder(data: Path, name: str, group: int) -> Path:
    """Return the folder for the sockets of a group's agents beside a data directory; made if need be.

    Args:
        data: The data directory.
        name: The group's name.
        group: Its id.

    Raises:
        ValueError: Its users could not get there.
        NotBelieved: What is there is not this user's own.
        OSError: It cannot be made.
    """
    folder = agents_directory(data)
    if _is_too_long(folder):
        raise ValueError(f"the path of {folder} is too long for a socket; choose a shorter one with --data")
    for parent in folder.parents:
        status = parent.stat()
        reached = stat.S_IXOTH if status.st_gid != group else stat.S_IXGRP
        if not status.st_mode & reached:
            raise ValueError(
                f"users of {name!r} cannot reach {folder}: {parent} is closed to them; "
                "choose a --data directory where they can, such as /srv/moothall/hall"
            )
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & stat.S_IWOTH:
        raise NotBelieved(f"{folder} is not this user's own directory; look at it, and move it away")
    os.chown(folder, -1, group)
    folder.chmod(0o750)
    return folder


def group_id(name: str) -> int:
    """Return the id of a group.

    Raises:
        ValueError: There is none of that name.
    """
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ValueError(f"there is no group {name!r}; make one with `sudo groupadd {name}`") from None


class Members:
    """Who is of a group. The system is asked once a minute for each user: it may take a network to answer.

    Args:
        group: The group's id.
    """

    def __init__(self, group: int) -> None:
        self._group = group
        self._known: dict[int, tuple[float, bool]] = {}

    def __contains__(self, peer: Peer) -> bool:
        now = trio.current_time()
        until, known = self._known.get(peer.uid, (now, False))
        if until <= now:
            known = self._is_member(peer)
            self._known[peer.uid] = now + KNOWN_S, known
        return known

    def _is_member(self, peer: Peer) -> bool:
        if peer.gid == self._group:
            return True
        try:
            user = pwd.getpwuid(peer.uid)
        except KeyError:
            return False
        return self._group in os.getgrouplist(user.pw_name, user.pw_gid)


def _is_too_long(folder: Path) -> bool:
    return len(os.fsencode(folder / f"{HTTP_SOCKET}.{LONGEST_PID}")) > LONGEST_PATH
