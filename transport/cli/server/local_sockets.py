"""The unix sockets of a server, where they are, and what it says of itself beside its log: for clients of this machine.

They are in the runtime directory of the user, where the system has one, else in a directory that only this server's
user can enter. Agents that run as other users of one group get sockets, a token and a file of their own beside the
data directory; everything else stays closed to them.

The runtime directory goes when the user's last session ends, and a temporary one may be swept. So the server looks
after what it announced: what clients would not find any more is made again, elsewhere if need be.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import trio

from transport.access.peer_credentials import Peer
from transport.access.unix_sockets import UnixListener
from transport.cli.server.socket_folders import (
    HTTP_SOCKET,
    WS_SOCKET,
    Members,
    group_folder,
    group_id,
    runtime_folder,
)
from transport.cli.share_token import share_token
from transport.discovery.private_directory import NotBelieved, check_private
from transport.discovery.server_file import (
    AGENT_TOKEN_FILE,
    ServerInfo,
    read_server_info,
    remove_server_info,
    running_server,
    write_server_info,
)
from transport.logs import Logger

log = Logger(__name__)

TEMPORARY: Final = "moothall-"
"""What the names of socket directories in the temporary directory begin with."""

WATCH_S: Final = 2.0
"""How often it is looked whether clients find the server, in seconds: half a minute is what they try for.

To look costs 30 us for each user or group: a socket's name is looked up twice, a small file read.
"""


class Sockets(NamedTuple):
    """The sockets of one directory.

    Attributes:
        place: Where the file is that tells of them.
        folder: Returns where they are to be, and makes it.
        ws: Takes websockets.
        http: Takes HTTP.
        mode: The mode of the file that tells of them.
        group: The id of the group that may use them; None for the user alone.
    """

    place: Path
    folder: Callable[[], Path]
    ws: UnixListener
    http: UnixListener
    mode: int
    group: int | None


class LocalSockets:
    """All the unix sockets of a server. Nothing here checkpoints, except for `watch`.

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
        self._urls: tuple[str, str] | None = None
        _sweep(data)
        self._all: list[Sockets] = []
        try:
            user = os.geteuid()
            self._all.append(_sockets(data, self._own_folder, 0o600, None, lambda peer: peer.uid in {user, 0}))
            if agents_group is not None:
                group = group_id(agents_group)
                folder, members = partial(group_folder, data, agents_group, group), Members(group)
                self._all.append(
                    _sockets(folder(), folder, 0o660, group, lambda peer: peer.uid in {user, 0} or peer in members)
                )
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
        self._urls = ws, http
        for each in self._all:
            each.ws.take_place()
            each.http.take_place()
            self._tell_of(each, _info(each, self._urls))

    async def watch(self, tell: Callable[[str], None]) -> None:
        """Make again what clients do not find any more, as long as it is announced; a checkpoint, until cancelled.

        Args:
            tell: Told every `WATCH_S` why that cannot be done; an empty text where there is nothing to do.
        """
        said = ""
        while True:
            await trio.sleep(WATCH_S)
            why = "; ".join(filter(None, map(self._make_again, self._all)))
            tell(why)
            if why and why != said:
                log.error("sockets.lost", why=why, retry_in_s=WATCH_S)
            said = why

    def withdraw(self) -> None:
        """Take back what was announced: nobody new is to come. What another server announced since stays."""
        self._urls = None
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

    def _own_folder(self) -> Path:
        folder = runtime_folder(self._data)
        if folder is not None:
            return folder
        if self._temporary is None or not self._temporary.is_dir():
            self._temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY))
        check_private(self._temporary)
        return self._temporary

    def _make_again(self, lost: Sockets) -> str:
        """Bind sockets again that are not found any more, and tell where; return why that failed, if it did."""
        if self._urls is None:
            return ""
        found = running_server(lost.place)
        if found is not None and found.pid != os.getpid():  # the next server: this one has lost the log's lock
            return ""
        if lost.ws.has_place() and lost.http.has_place() and found == _info(lost, self._urls):
            return ""
        try:
            folder = lost.folder()
            lost.ws.move(folder / WS_SOCKET)
            lost.http.move(folder / HTTP_SOCKET)
            self._tell_of(lost, _info(lost, self._urls))
        except (OSError, ValueError, NotBelieved) as error:
            return f"clients of this machine do not find the server, and its sockets cannot be made again: {error}"
        log.warning("sockets.made_again", folder=str(folder))
        return ""

    def _tell_of(self, each: Sockets, info: ServerInfo) -> None:
        if each.group is not None:
            share_token(self._data)
        write_server_info(each.place, info, each.mode)
        if each.group is not None:
            os.chown(each.place / "server.json", -1, each.group)


def _info(each: Sockets, urls: tuple[str, str]) -> ServerInfo:
    return ServerInfo(*urls, str(each.ws.path), str(each.http.path), os.getpid())


def _sockets(
    place: Path, folder: Callable[[], Path], mode: int, group: int | None, may_enter: Callable[[Peer], bool]
) -> Sockets:
    where = folder()
    ws = UnixListener(where / WS_SOCKET, mode, group, may_enter)
    http = UnixListener(where / HTTP_SOCKET, mode, group, may_enter)
    return Sockets(place, folder, ws, http, mode & 0o640, group)


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
