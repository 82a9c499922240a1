"""Which hall a command, a hook or a client speaks to, and with which token. Imports little: hooks do it.

An address comes from the command line, the environment, or a data directory that only its owner can change, in this
order; never from a working tree. A hall that a data directory tells of is reached by its unix socket alone, where the
system says whose process answers: its token goes to no port that somebody else could have taken.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from transport.discovery.data_directory import OLD_NAME, believed_data_dir, named_data_dir, old_data_dir
from transport.discovery.hall import Hall, Misused, NotFound, local_token
from transport.discovery.private_directory import NotBelieved
from transport.discovery.server_file import (
    ADMIN_TOKEN_FILE,
    AGENT_TOKEN_FILE,
    MOST_FILE_BYTES,
    ServerInfo,
    running_server,
)


class Given(NamedTuple):
    """What the command line says, or a caller: all of it may be missing.

    Attributes:
        url: The hall's URL.
        data: The hall's data directory.
        token: The token to show.
        token_file: A file that holds it.
        tls_ca: A file with what to trust the hall by.
        start: A place in the repository whose hall is meant; by default where the process stands.
        person: Whether a person's command asks, who may use the admin's token.
    """

    url: str | None = None
    data: str | Path | None = None
    token: str | None = None
    token_file: Path | None = None
    tls_ca: str | Path | None = None
    start: Path | None = None
    person: bool = False


def find_hall(given: Given, environment: Mapping[str, str] | None = None) -> Hall:
    """Find a hall, and the token for it. Does not connect.

    Args:
        given: What the caller says.
        environment: `os.environ` unless another is given; MOOTHALL_URL, MOOTHALL_DATA, MOOTHALL_TOKEN and
            MOOTHALL_TLS_CA are obeyed.

    Raises:
        NotFound: No server is known.
        Misused: A token cannot be read, or would go where nobody named it for.
        NotBelieved: Somebody else could have said where the hall is.
    """
    known = os.environ if environment is None else environment
    told_url = known.get("MOOTHALL_URL") or None
    url = given.url or (told_url if given.data is None else None)
    named = named_data_dir(given.data, known)
    if url is None:
        data, owner = believed_data_dir(named, given.start)
        info = running_server(data)
        if info is None:
            raise NotFound(_nobody_in(data, given.start, named))
        return Hall(None, _token(given, known, data), None, info, owner)
    local = _local(url, named, given.start)
    if local is not None:
        data, owner, info = local
        return Hall(None, _token(given, known, data), None, info, owner)
    told = url == told_url
    return Hall(url, _token_for(given, known, told=told), given.tls_ca or known.get("MOOTHALL_TLS_CA") or None)


def _local(url: str, named: Path | None, start: Path | None) -> tuple[Path, int, ServerInfo] | None:
    """Return the server that has this URL where the private directory names it: it can prove itself."""
    try:
        data, owner = believed_data_dir(named, start)
    except NotBelieved:
        return None
    info = running_server(data)
    return (data, owner, info) if info is not None and url.rstrip("/") in {info.ws, info.http} else None


def _token(given: Given, environment: Mapping[str, str], data: Path) -> str | None:
    explicit = _explicit(given)
    if explicit is not None:
        return explicit
    files = (ADMIN_TOKEN_FILE, AGENT_TOKEN_FILE) if given.person else (AGENT_TOKEN_FILE,)
    return local_token(data, environment, files)


def _token_for(given: Given, environment: Mapping[str, str], *, told: bool) -> str | None:
    explicit = _explicit(given)
    if explicit is not None or "MOOTHALL_TOKEN" not in environment:
        return explicit
    if not told:
        raise Misused(
            "MOOTHALL_TOKEN goes only where MOOTHALL_URL or this user's own directory says, not to an address of the "
            "command line: set MOOTHALL_URL to it, or give --token-file"
        )
    return environment["MOOTHALL_TOKEN"] or None


def _explicit(given: Given) -> str | None:
    if given.token_file is None:
        return given.token
    try:
        with given.token_file.open(encoding="utf-8") as file:  # a pipe will do: the user named it
            token = file.read(MOST_FILE_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Misused(f"cannot read the token in '{given.token_file}' ({why}); name another file") from None
    if not token:
        raise Misused(f"{given.token_file} holds no token; name the file that `serve` created")
    return token


def _nobody_in(data: Path, start: Path | None, named: Path | None) -> str:
    why = f"no server runs on {data}; start one with `moothall serve`, or name another with --data or --url"
    old = old_data_dir(start) if named is None else None
    return why if old is None else f"{why} ({old} is not used any more: `moothall adopt {OLD_NAME}` moves its log)"
