"""Which server a command speaks to, and with whose token."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from trio_websocket import ConnectionRejected

from actors.kernel import cause
from transport.cli.failure import CommandFailed, Exit
from transport.places import AGENT_TOKEN_FILE, default_data_dir, read_server_info, read_token


class Target(msgspec.Struct, frozen=True):
    """A server and the token to show it.

    Attributes:
        url: The websocket's URL.
        token: The token, or None where none was found.
    """

    url: str
    token: str | None

    def unreachable(self, error: BaseException) -> str:
        """Return what to tell the user when nobody answers."""
        return f"cannot reach the server at {self.url} ({_in_short(error)}); start it with `moothall serve`"

    def refused(self, error: BaseException) -> str:
        """Return what to tell the user when the server does not let us in."""
        return f"{self.url} refuses the connection ({_in_short(error)}); check the token (--token, MOOTHALL_TOKEN)"


def find_server(url: str | None, token: str | None, token_file: Path | None = None) -> Target:
    """Find the server and the token: what was given, then the environment, then this project's data directory.

    Raises:
        CommandFailed: No server is known, or the token file cannot be read.
    """
    data = default_data_dir()
    url = url or os.environ.get("MOOTHALL_URL")
    if url is None:
        info = read_server_info(data)
        if info is None:
            raise CommandFailed(
                Exit.UNREACHABLE, f"no server is known in {data}; start one with `moothall serve`, or name its URL"
            )
        url = info.ws
    try:
        if token_file is not None:
            token = read_token(token_file)
            if token is None:
                raise CommandFailed(Exit.USAGE, f"{token_file} holds no token; name the file that `serve` created")
        token = token or os.environ.get("MOOTHALL_TOKEN") or read_token(data / AGENT_TOKEN_FILE)
    except OSError as error:
        raise CommandFailed(Exit.UNREACHABLE, f"cannot read the token: {error}") from None
    return Target(url, token)


def _in_short(error: BaseException) -> str:
    first = cause(error)
    if isinstance(first, ConnectionRejected):
        body = (first.body or b"").decode("utf-8", "replace").strip()
        return f"HTTP {first.status_code}: {body}" if body else f"HTTP {first.status_code}"
    if first.__cause__ is not None and not str(first):
        first = first.__cause__  # what trio-websocket wraps in an error without words
    return " ".join(str(first).split()) or type(first).__name__
