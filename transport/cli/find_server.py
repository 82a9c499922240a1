"""Which server a command speaks to, and with whose token; or which data directory it looks into."""

from __future__ import annotations

import os
from pathlib import Path

from transport.cli.failure import CommandFailed, Exit
from transport.data_directory import AGENT_TOKEN_FILE, default_data_dir, read_server_info, read_token
from transport.dial.address import Address


def existing(data: Path | None) -> Path:
    """Return the data directory that is meant: this project's unless another is given.

    Raises:
        CommandFailed: It does not exist.
    """
    where = data if data is not None else default_data_dir()
    if not where.is_dir():
        raise CommandFailed(Exit.USAGE, f"there is no data directory {where}; name an existing one with --data")
    return where


def find_server(
    url: str | None, token: str | None = None, token_file: Path | None = None, tls_ca: Path | None = None
) -> Address:
    """Find the server and the token: what was given, then the environment, then this project's data directory.

    Raises:
        CommandFailed: No server is known, its URL is invalid, or the token file cannot be read.
    """
    data = default_data_dir()
    info = read_server_info(data)
    url = url or os.environ.get("MOOTHALL_URL")
    if url is None:
        if info is None:
            raise CommandFailed(
                Exit.UNREACHABLE, f"no server is known in {data}; start one with `moothall serve`, or name its URL"
            )
        url = info.ws
    ca = tls_ca or os.environ.get("MOOTHALL_TLS_CA") or (info.tls_ca if info is not None and url == info.ws else None)
    try:
        if token_file is not None:
            token = read_token(token_file)
            if token is None:
                raise CommandFailed(Exit.USAGE, f"{token_file} holds no token; name the file that `serve` created")
        token = token or os.environ.get("MOOTHALL_TOKEN") or read_token(data / AGENT_TOKEN_FILE)
    except OSError as error:
        code = Exit.USAGE if token_file is not None else Exit.UNREACHABLE
        raise CommandFailed(
            code, f"cannot read the token: {error}; give one of your own, with MOOTHALL_TOKEN or in a file"
        ) from None
    address = Address(url, token, ca)
    try:
        address.endpoint()
        address.headers()
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    return address
