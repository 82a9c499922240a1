"""Where things are: the data directory, what a running server says of itself there, and the first tokens."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

SERVER_FILE = "server.json"
AGENT_TOKEN_FILE = "agent.token"  # noqa: S105 - a file's name
ADMIN_TOKEN_FILE = "admin.token"  # noqa: S105 - a file's name


class ServerInfo(NamedTuple):
    """What a running server writes beside its log, so that clients find it. Hooks read it and start fast: no msgspec.

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
    temporary.write_text(json.dumps(info._asdict()) + "\n", encoding="utf-8")
    temporary.replace(data / SERVER_FILE)


def read_server_info(data: Path) -> ServerInfo | None:
    """Return what the last server said of itself, or None."""
    try:
        said: Any = json.loads((data / SERVER_FILE).read_bytes())
        ws, http, pid, tls_ca = (said.get(name) for name in ServerInfo._fields)
    except (OSError, ValueError, AttributeError):
        return None
    fits = isinstance(ws, str) and isinstance(http, str) and isinstance(pid, int) and isinstance(tls_ca, str | None)
    return ServerInfo(ws, http, pid, tls_ca) if fits else None


def read_token(path: Path) -> str | None:
    """Return the token that a file holds, or None where there is no such file.

    Raises:
        PermissionError: The file belongs to somebody else.
    """
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
