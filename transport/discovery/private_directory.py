"""Directories that nobody but their owner can change: what lies in one is believed because its owner put it there.

Imports nothing that a hook cannot afford.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Final

OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
OTHERS_USE: Final = stat.S_IRWXG | stat.S_IRWXO


class NotBelieved(Exception):  # noqa: N818 - states a fact about a file
    """What lies there could have been put there by somebody else; the text says why, and what to do."""


def make_private(path: Path) -> None:
    """Create a directory for its owner alone, and what leads to it, unless it is there.

    Raises:
        NotBelieved: What is there is no directory of this user's alone.
        OSError: It cannot be created.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        check_private(path)


def check_private(path: str | Path) -> None:
    """See that a directory is this user's own, and no link, and that nobody else can look into it.

    Raises:
        NotBelieved: It is not.
        FileNotFoundError: It is not there.
    """
    status = _checked(path)
    if status.st_uid != os.geteuid():
        raise NotBelieved(_of_another(path, status.st_uid))
    if status.st_mode & OTHERS_USE:
        raise NotBelieved(f"others may look into {path}: see what lies there, then `chmod 700 {path}`")


def check_named(path: Path, *, own: bool) -> int:
    """See that nobody but its owner can change what lies in a directory that the user named; return the owner's id.

    Nor may others put another directory in its place, as ssh sees to with its files.

    Args:
        path: The directory; no link leads to it.
        own: Whether the owner has to be this user.

    Raises:
        NotBelieved: Others can, or it belongs to somebody else.
        FileNotFoundError: It is not there.
    """
    status = _checked(path)
    if own and status.st_uid != os.geteuid():
        raise NotBelieved(_of_another(path, status.st_uid))
    if status.st_mode & OTHERS_WRITE:
        raise NotBelieved(f"others may write to {path}: see what lies there, then `chmod go-w {path}`")
    _check_parents(path, status.st_uid)
    return status.st_uid


def _check_parents(path: Path, owner: int) -> None:
    """See that nobody else can rename what leads to a directory of this owner.

    Raises:
        NotBelieved: Somebody can.
    """
    trusted = {0, owner, os.geteuid(), os.lstat(os.sep).st_uid}  # in a user namespace root has another number
    for parent in path.parents:
        status = parent.stat()
        if status.st_uid not in trusted:
            raise NotBelieved(
                f"{parent} belongs to user {status.st_uid}, who can put another directory in the place of {path}: "
                "name one elsewhere with --data"
            )
        others = status.st_mode & OTHERS_WRITE
        if others == stat.S_IWGRP and _is_private_group(status.st_gid, status.st_uid):
            continue
        if others and not status.st_mode & stat.S_ISVTX:
            raise NotBelieved(
                f"others may write to {parent}, and so put another directory in the place of {path}: "
                f"`chmod go-w {parent}`, or name one elsewhere with --data"
            )


def _is_private_group(group: int, user: int) -> bool:
    """Say whether a group is a user's own: many systems give each user one, and let it write to what they make."""
    import grp  # noqa: PLC0415 - hooks seldom need it
    import pwd  # noqa: PLC0415 - likewise

    try:
        known, owner = grp.getgrgid(group), pwd.getpwuid(user)
    except KeyError:
        return False
    return known.gr_name == owner.pw_name and owner.pw_gid == group and set(known.gr_mem) <= {owner.pw_name}


def _checked(path: str | Path) -> os.stat_result:
    try:
        status = os.lstat(path)
    except PermissionError as error:
        raise NotBelieved(
            f"{path} cannot be looked at ({error.strerror}): whose is it? Name another directory"
        ) from None
    if stat.S_ISLNK(status.st_mode):
        raise NotBelieved(f"{path} is a link, which others could have laid: put the directory itself there")
    if not stat.S_ISDIR(status.st_mode):
        raise NotBelieved(f"{path} is no directory: move it away, or name another with --data")
    return status


def _of_another(path: str | Path, owner: int) -> str:
    if os.geteuid() == 0:
        return f"{path} belongs to user {owner}, not to root: run it without sudo, or name another with --data"
    made = "a command made it under sudo; " if owner == 0 else ""
    return (
        f"{path} belongs to user {owner}, not to you (user {os.geteuid()}): {made}give it back with "
        f"`sudo chown -R $(id -u) {path}`, or name another directory with --data"
    )
