"""Where things are: the data directory, what a running server says of itself there, and the first tokens."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

SERVER_FILE = "server.json"
AGENT_TOKEN_FILE = "agent.token"  # noqa: S105 - a file's name
ADMIN_TOKEN_FILE = "admin.token"  # noqa: S105 - a file's name


class ServerInfo(msgspec.Struct, frozen=True):
    """What a running server writes beside its log, so that clients find it.

    Attributes:
        ws: The websocket's URL.
        http: The HTTP listener's URL, without a path.
        pid: The server's process id.
        tls_ca: The file with what to trust the server by; None for what the system trusts.
    """

    ws: str
    http: str
    pid: int
    tls_ca: str | None = None


def default_data_dir(start: Path | None = None) -> Path:
    """Return `.moothall/` at the root of the git checkout that `start` is in, else the user's data directory."""
    here = (start if start is not None else Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / ".git").exists():
            return folder / ".moothall"
    import platformdirs  # noqa: PLC0415 - most runs stand in a checkout and need not pay for it

    return Path(platformdirs.user_data_dir("moothall", appauthor=False))


def prepare_data_dir(data: Path) -> None:
    """Create the data directory, readable by its owner alone, and keep git from looking into it.

    Raises:
        OSError: It cannot be created.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = data / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def write_server_info(data: Path, info: ServerInfo) -> None:
    """Tell clients where the server is, atomically."""
    temporary = data / f"{SERVER_FILE}.{os.getpid()}"
    temporary.write_bytes(msgspec.json.encode(info) + b"\n")
    temporary.replace(data / SERVER_FILE)


def read_server_info(data: Path) -> ServerInfo | None:
    """Return what the last server said of itself, or None."""
    try:
        return msgspec.json.decode((data / SERVER_FILE).read_bytes(), type=ServerInfo)
    except (OSError, msgspec.DecodeError):
        return None


def read_token(path: Path) -> str | None:
    """Return the token that a file holds, or None where there is no such file.

    Raises:
        PermissionError: The file belongs to somebody else.
    """
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
