"""`moothall agent`: tokens, straight in the data directory, whether or not a server runs there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import msgspec
from cyclopts import App

from transport.access.tokens import TokenError, Tokens
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import existing
from transport.data_directory import default_data_dir, prepare_data_dir

app = App(name="agent", help="Add, list and revoke tokens.")


@app.command
def add(
    name: str,
    *,
    role: Literal["observer", "agent", "expert", "admin"] = "agent",
    days: float | None = None,
    data: Path | None = None,
) -> None:
    """Add an agent and print its token, alone on stdout, once.

    Args:
        name: The agent's name: 1 to 256 characters.
        role: What it may do.
        days: How long the token is good; for ever unless given.
        data: The data directory.
    """
    if days is not None and not days > 0:
        raise CommandFailed(Exit.USAGE, f"--days must be more than 0, not {days:g}")
    lifetime_s = None if days is None else days * 86_400
    where = data if data is not None else default_data_dir()
    try:
        prepare_data_dir(where)
        print(Tokens(where).add(name, role, lifetime_s=lifetime_s))
    except TokenError as error:
        raise CommandFailed(Exit.NO, str(error)) from None
    except OSError as error:
        raise CommandFailed(Exit.NO, f"cannot use {where} for data: {error}; choose another directory") from None


@app.command(name="list")
def list_agents(*, data: Path | None = None, json: bool = False) -> None:
    """List the agents that have a token.

    Args:
        data: The data directory.
        json: Print one JSON object a line.
    """
    try:
        entries = Tokens(existing(data)).entries()
    except TokenError as error:
        raise CommandFailed(Exit.NO, str(error)) from None
    for entry in entries:
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.created))
        if json:
            row = {"name": entry.name, "role": entry.role, "created": created}
            print(msgspec.json.encode(row).decode())
        else:
            print(f"{entry.name}\t{entry.role}\t{created}")


@app.command
def revoke(name: str, *, data: Path | None = None) -> None:
    """Take an agent's token back.

    Args:
        name: The agent's name.
        data: The data directory.
    """
    try:
        Tokens(existing(data)).revoke(name)
    except TokenError as error:
        raise CommandFailed(Exit.NO, str(error)) from None
    print(f"revoked {name}; a running server closes its connections within a second")
