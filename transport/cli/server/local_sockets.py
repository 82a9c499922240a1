"""The unix sockets of a server, where they are, and what it says of itself beside its log: for clients of this machine.

They are in the runtime directory of the user, where the system has one, else in a directory that only this server's
user can enter. Agents that run as other users of one group get sockets, a token and a file of their own beside the
data directory; everything else stays closed to them.
"""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import trio

from transport.access.peer_credentials import Peer
from transport.access.unix_sockets import LONGEST_PATH, UnixListener
from transport.cli.share_token import share_token
from transport.discovery.data_directory import agents_directory
from transport.discovery.private_directory import NotBelieved, check_private, make_private
from transport.discovery.server_file import (
    AGENT_TOKEN_FILE,
    ServerInfo,
    read_server_info,
    remove_server_info,
    write_server_info,
)

WS_SOCKET: Final = "ws.sock"
HTTP_SOCKET: Final = "http.sock"
TEMPORARY: Final = "moothall-"
"""What the names of socket directories in the temporary directory begin with."""


LONGEST_PID: Final = 4_194_304
"""The greatest process id of Linux (proc(5)), which a socket's draft is named by."""


KNOWN_S: Final = 60.0
"""How long it is believed who is of a group, in seconds: whoever leaves it has lost the socket's file at once."""


class Sockets(NamedTuple):
    """The sockets of one directory.

    Attributes:
        place: Where the file is that tells of them.
        ws: Takes websockets.
        http: Takes HTTP.
        ws_path: Its path.
        http_path: Its path.
        mode: The mode of the file that tells of them.
        group: The id of the group that may use them; None for the user alone.
    """

    place: Path
    ws: UnixListener
    http: UnixListener
    ws_path: Path
    http_path: Path
    mode: int
    group: int | None


class LocalSockets:
    """All the unix sockets of a server. Nothing here checkpoints.

    Args:
        data: The data directory, which is this user's own.
        agents_group: The group whose users' agents may come in; None for nobody else's.

    Raises:
        ValueError: The group is unknown, or its users could not get there.
        NotBelieved: A directory is not what it must be.
        OSError: The sockets cannot be made.
    """

    def __init__(self, data: Path, agents_group: str | None) -> None:
        self._data = data
        self._temporary: Path | None = None
        _sweep(data)
        self._all: list[Sockets] = []
        try:
            self._all.append(self._own())
            if agents_group is not None:
                self._all.append(_for_group(data, agents_group))
        except (OSError, ValueError, NotBelieved):
            self.withdraw()
            raise

    @property
    def ws(self) -> Sequence[UnixListener]:
        """Those that take websockets."""
        return [each.ws for each in self._all]

    @property
    def http(self) -> Sequence[UnixListener]:
        """Those that take HTTP."""
        return [each.http for each in self._all]

    def announce(self, ws: str, http: str) -> None:
        """Put the sockets in their places, and say where the server is. Only with the log's lock.

        Args:
            ws: The websocket's URL, for clients elsewhere.
            http: The HTTP listener's URL.
        """
        for each in self._all:
            each.ws.take_place()
            each.http.take_place()
            info = ServerInfo(ws, http, str(each.ws_path), str(each.http_path), os.getpid())
            if each.group is not None:
                share_token(self._data)
            write_server_info(each.place, info, each.mode)
            if each.group is not None:
                os.chown(each.place / "server.json", -1, each.group)

    def withdraw(self) -> None:
        """Take back what was announced: nobody new is to come. What another server announced since stays."""
        for each in self._all:
            info = read_server_info(each.place)
            if info is not None and info.pid == os.getpid():
                if each.group is not None:
                    (each.place / AGENT_TOKEN_FILE).unlink(missing_ok=True)
                remove_server_info(each.place, os.getpid())
            each.ws.leave_place()
            each.http.leave_place()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _own(self) -> Sockets:
        folder = _runtime_directory(self._data)
        if folder is None:
            folder = self._temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY))
        user = os.geteuid()
        return _sockets(self._data, folder, 0o600, None, lambda peer: peer.uid in {user, 0})


def _runtime_directory(data: Path) -> Path | None:
    """Return the folder for the sockets in the user's runtime directory; None where there is none to be believed."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}")
    folder = base / "moothall" / hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    if not base.is_absolute() or len(os.fsencode(folder / f"{HTTP_SOCKET}.{LONGEST_PID}")) > LONGEST_PATH:
        return None
    try:
        check_private(base)
        make_private(folder.parent)
        make_private(folder)
    except (OSError, NotBelieved):
        return None
    return folder


def _sockets(place: Path, folder: Path, mode: int, group: int | None, may_enter: Callable[[Peer], bool]) -> Sockets:
    ws_path, http_path = folder / WS_SOCKET, folder / HTTP_SOCKET
    ws = UnixListener(ws_path, mode, group, may_enter)
    http = UnixListener(http_path, mode, group, may_enter)
    return Sockets(place, ws, http, ws_path, http_path, mode & 0o640, group)


def _for_group(data: Path, name: str) -> Sockets:
    try:
        group = grp.getgrnam(name).gr_gid
    except KeyError:
        raise ValueError(f"there is no group {name!r}; make one with `sudo groupadd {name}`") from None
    folder = agents_directory(data)
    if len(os.fsencode(folder / f"{HTTP_SOCKET}.{LONGEST_PID}")) > LONGEST_PATH:
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
    user, members = os.geteuid(), Members(group)
    return _sockets(folder, folder, 0o660, group, lambda peer: peer.uid in {user, 0} or peer in members)


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


def _sweep(data: Path) -> None:
    """Remove the sockets that a killed server left in the temporary directory."""
    left = read_server_info(data)
    if left is None:
        return
    folder = Path(left.ws_socket).parent
    if folder.parent != Path(tempfile.gettempdir()) or not folder.name.startswith(TEMPORARY):
        return
    try:
        check_private(folder)
        os.kill(left.pid, 0)
    except ProcessLookupError:
        shutil.rmtree(folder, ignore_errors=True)
    except (OSError, NotBelieved):
        pass
