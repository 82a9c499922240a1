"""`moothall agent`: tokens, straight in the data directory, whether or not a server runs there."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from cyclopts import App

from transport.access.token_file import DAY_S, TokenEntry, TokenError
from transport.access.tokens import Tokens
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import existing
from transport.cli.share_token import share_token
from transport.discovery.data_directory import agents_directory
from transport.discovery.server_file import running_server
from transport.visible import visible, visible_json

app = App(name="agent", help="Add, list, replace and revoke tokens.")


@app.command
def add(
    name: str,
    *,
    role: Literal["observer", "agent", "expert", "admin"] = "agent",
    label: tuple[str, ...] = (),
    days: float | None = None,
    data: Path | None = None,
) -> None:
    """Add an agent and print its token, alone on stdout, once.

    Args:
        name: The agent's name: 1 to 256 characters.
        role: What it may do.
        label: A label by which rules of a policy may know it; can be given again.
        days: How long the token is good; by default as long as `token_days` of the hall's configuration says.
        data: The hall's data directory; by default MOOTHALL_DATA, else that of this repository.
    """
    with _tokens(data) as tokens:
        print(tokens.add(name, role, lifetime_s=_lifetime_s(days), labels=label))


@app.command
def rotate(name: str, *, days: float | None = None, data: Path | None = None) -> None:
    """Give an agent a new token in place of its old one, and print it, alone on stdout, once.

    Args:
        name: The agent's name.
        days: How long the new token is good; by default as long as the old one was from its beginning.
        data: The hall's data directory; by default MOOTHALL_DATA, else that of this repository.
    """
    where = existing(data)
    with _tokens(data) as tokens:
        token = tokens.rotate(name, lifetime_s=_lifetime_s(days))
    if running_server(agents_directory(where)) is not None:
        share_token(where)
    print(token)


@app.command(name="list")
def list_agents(*, data: Path | None = None, json: bool = False) -> None:
    """List the agents that have a token, and until when it is good.

    Args:
        data: The hall's data directory; by default MOOTHALL_DATA, else that of this repository.
        json: Print one JSON object a line.
    """
    with _tokens(data) as tokens:
        entries, now = tokens.entries(), tokens.now()
    for entry in entries:
        created, labels = _time(entry.created), list(entry.labels)
        if json:
            row = {"name": entry.name, "role": entry.role, "labels": labels, "created": created}
            print(visible_json({**row, "expires": _expiry(entry), "expired": entry.is_expired(now)}))
        else:
            until = "for ever" if entry.expires is None else f"until {_expiry(entry)}"
            state = "expired" if entry.is_expired(now) else until
            print(f"{visible(entry.name)}\t{entry.role}\t{created}\t{state}\t{visible(','.join(labels)) or '-'}")


@app.command
def revoke(name: str, *, data: Path | None = None) -> None:
    """Take an agent's token back.

    Args:
        name: The agent's name.
        data: The hall's data directory; by default MOOTHALL_DATA, else that of this repository.
    """
    with _tokens(data) as tokens:
        tokens.revoke(name)
    print(f"revoked {visible(name)}; a running server closes its connections within a second")


@contextmanager
def _tokens(data: Path | None) -> Generator[Tokens]:
    """Give the tokens of a hall that is there: one that is not is never begun by the way."""
    tokens = Tokens(existing(data))
    try:
        tokens.check_there()
        yield tokens
    except TokenError as error:
        raise CommandFailed(Exit.NO, str(error)) from None


def _lifetime_s(days: float | None) -> float | None:
    if days is not None and not days > 0:
        raise CommandFailed(Exit.USAGE, f"--days must be more than 0, not {days:g}")
    return None if days is None else days * DAY_S


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _expiry(entry: TokenEntry) -> str | None:
    return None if entry.expires is None else _time(entry.expires)
