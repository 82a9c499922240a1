"""A hall that can be spoken to, and the one that an id names. Imports nothing that a hook cannot afford.

A hall's id is the name of its data directory among those of this user. It says which hall is meant wherever an agent
goes: one that makes a repository of its own, and goes there, is still judged by the hall whose hook it has.
"""

from __future__ import annotations

import os

from transport.discovery.light_tuple import NamedTuple
from transport.discovery.private_directory import check_private
from transport.discovery.server_file import AGENT_TOKEN_FILE, ServerInfo, read_token, running_server
from transport.discovery.state_directory import state_directory

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any, Final

ID_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
LONGEST_ID: Final = 255
"""As long as a folder's name may be."""


class NotFound(Exception):  # noqa: N818 - states a fact about a hall
    """There is no hall to speak to; the text says where one was looked for, and what to do."""


class Misused(Exception):  # noqa: N818 - states a fact about a command
    """What was given does not go together, or cannot be used; the text says why, and what to do."""


class Hall(NamedTuple):
    """A hall, and how it is spoken to.

    Attributes:
        url: Its URL; None where it is reached by its sockets.
        token: The token to show, if any.
        tls_ca: A file with what to trust it by; None for what the system trusts.
        sockets: What its server says of itself, where it is on this machine.
        owner: The id of the user whose process must answer there.
    """

    url: str | None
    token: str | None
    tls_ca: str | Path | None = None
    sockets: ServerInfo | None = None
    owner: int = -1


def hall_of_id(hall_id: str, environment: Mapping[str, str]) -> Hall:
    """Find the hall of this user that an id names, and the token for it. Does not connect.

    Args:
        hall_id: The name of its data directory.
        environment: Where MOOTHALL_TOKEN may be.

    Raises:
        NotFound: There is no such hall, or no server runs there.
        Misused: It is no id, or the token cannot be read.
        NotBelieved: Somebody else could have put there what lies in it.
    """
    if not is_hall_id(hall_id):
        raise Misused(f"{hall_id!r:.300} is no hall's id: it is the last part of the path that `moothall serve` says")
    data = f"{state_directory()}/{hall_id}"
    try:
        check_private(os.path.dirname(data))  # noqa: PTH120 - a start without pathlib
        check_private(data)
    except FileNotFoundError:
        raise NotFound(f"there is no hall in {data}: was it moved? Set the hook up again") from None
    info = running_server(data)
    if info is None:
        raise NotFound(f"no server runs on {data}; start one with `moothall serve`")
    return Hall(None, local_token(data, environment), None, info, os.geteuid())


def is_hall_id(text: Any) -> bool:
    """Say whether a text can be a hall's id: the name of a folder, and no way out of it."""
    return (
        isinstance(text, str) and 0 < len(text) <= LONGEST_ID and ID_CHARACTERS.issuperset(text) and text[0] not in "-."
    )


def local_token(
    data: str | Path, environment: Mapping[str, str], files: tuple[str, ...] = (AGENT_TOKEN_FILE,)
) -> str | None:
    """Return the token for a hall of this machine: the environment's, else that of the first file there.

    Raises:
        Misused: The file cannot be read.
    """
    told = environment.get("MOOTHALL_TOKEN")
    if told:
        return told
    try:
        for name in files:
            token = read_token(os.path.join(data, name))  # noqa: PTH118 - a start without pathlib
            if token:
                return token
    except OSError as error:
        raise Misused(
            f"cannot read the token: {error}; give one of your own, with MOOTHALL_TOKEN or in a file"
        ) from None
    return None
