"""What a running server says of itself in its data directory, and the token files there. Hooks read it: light."""

from __future__ import annotations

import json
import os
import stat

from transport.discovery.light_tuple import NamedTuple

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Final

SERVER_FILE: Final = "server.json"
AGENT_TOKEN_FILE: Final = "agent.token"  # noqa: S105 - a file's name
ADMIN_TOKEN_FILE: Final = "admin.token"  # noqa: S105 - a file's name

SOCKET_GONE: Final = (
    "its socket is gone, as when the last session of its user ends: a server that runs makes another within seconds, "
    "so try again, or restart `moothall serve`"
)
"""What to do where `server.json` names a socket that is not there."""

MOST_FILE_BYTES: Final = 65_536
"""How much of such a file is read; each is a few hundred bytes."""


class ServerInfo(NamedTuple):
    """What a running server writes beside its log, so that the clients of this machine find it.

    Attributes:
        ws: The websocket's URL, for clients elsewhere.
        http: The HTTP listener's URL, without a path, for clients elsewhere.
        ws_socket: The path of the unix socket that takes websockets.
        http_socket: The path of the unix socket that takes HTTP.
        pid: The server's process id.
    """

    ws: str
    http: str
    ws_socket: str
    http_socket: str
    pid: int


def write_server_info(data: Path, info: ServerInfo, mode: int = 0o600) -> None:
    """Tell clients where the server is, atomically."""
    from transport.discovery.put_file import put_file  # noqa: PLC0415 - hooks write nothing

    put_file(data / SERVER_FILE, f"{json.dumps(info._asdict())}\n".encode(), mode)


def remove_server_info(data: Path, pid: int) -> None:
    """Take back what the server of this process id said of itself."""
    info = read_server_info(data)
    if info is not None and info.pid == pid:
        (data / SERVER_FILE).unlink(missing_ok=True)


def read_server_info(data: str | Path) -> ServerInfo | None:
    """Return what the last server said of itself, or None. Only of a directory that is believed."""
    try:
        said: Any = json.loads(_read(os.path.join(data, SERVER_FILE)) or "")  # noqa: PTH118 - see above
        ws, http, ws_socket, http_socket, pid = (said.get(name) for name in ServerInfo._fields)
    except (OSError, ValueError, AttributeError):
        return None
    texts = (ws, http, ws_socket, http_socket)
    if not isinstance(pid, int) or isinstance(pid, bool) or not all(isinstance(each, str) for each in texts):
        return None
    return ServerInfo(*texts, pid)


def running_server(data: str | Path) -> ServerInfo | None:
    """Return what the server that runs on a data directory says of itself; None where none does."""
    info = read_server_info(data)
    return info if info is not None and _is_alive(info.pid) else None


def read_token(path: str | Path) -> str | None:
    """Return the token that a file holds, or None where there is no such file, or what is there is no regular one.

    Raises:
        OSError: The file belongs to somebody else.
    """
    try:
        return (_read(path) or "").strip() or None
    except FileNotFoundError:
        return None


def _read(path: str | Path) -> str | None:
    """Return what a small file holds; None of what is no file: a pipe, say, would be waited for."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    with os.fdopen(file, "rb") as source:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        return source.read(MOST_FILE_BYTES).decode("utf-8", "replace")


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True
