"""Where a hall's data is: in the user's own state directory, one folder for each repository, or where the user says.

Nothing lies in a working tree, where a clone could bring it, `git stash -a` take it and `grep -r` print it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from transport.discovery.git_repository import common_directory
from transport.discovery.private_directory import NotBelieved, check_named, check_private, make_private
from transport.discovery.state_directory import state_directory

OUTSIDE: Final = "default"
"""The folder of the hall that is used outside of every repository."""

LABEL_CHARACTERS: Final = 40
HASH_CHARACTERS: Final = 32
"""128 bits: nobody can choose the path of a repository so that it has another one's folder."""

AGENTS_SUFFIX: Final = "-agents"
"""What follows the data directory's name in that of the directory for agents that run as other users of a group."""

OLD_NAME: Final = ".moothall"
"""What the data directory was called when it lay in the checkout."""


def default_data_dir(start: Path | None = None) -> Path:
    """Return the data directory of the repository that `start` is in, by default where the process stands.

    Raises:
        transport.discovery.private_directory.NotBelieved: The repository cannot be believed.
    """
    repository = common_directory(start if start is not None else Path.cwd())
    return Path(state_directory()) / (OUTSIDE if repository is None else folder_name(repository))


def folder_name(repository: Path) -> str:
    """Return the name of a repository's folder: a label for people, and a hash of its common directory's path."""
    named = repository.parent if repository.name == ".git" else repository
    label = re.sub(r"[^A-Za-z0-9._-]+", "-", named.name)[:LABEL_CHARACTERS].strip(".-") or "repository"
    return f"{label}-{hashlib.sha256(os.fsencode(repository)).hexdigest()[:HASH_CHARACTERS]}"


def named_data_dir(data: str | Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the data directory that the command line names, else MOOTHALL_DATA; None where neither does.

    Raises:
        transport.discovery.private_directory.NotBelieved: The variable's path depends on where a process stands.
    """
    if data:
        return Path(data)
    told = environment.get("MOOTHALL_DATA")
    if not told:
        return None
    named = Path(told).expanduser()
    if not named.is_absolute():
        raise NotBelieved(f"MOOTHALL_DATA is {told!r}, which is another place from each folder: give its whole path")
    return named


def prepare_data_dir(named: Path | None) -> Path:
    """Create the data directory where it is missing, see that it is this user's own, and return it.

    Args:
        named: The one that the user named; None for that of this repository.

    Raises:
        transport.discovery.private_directory.NotBelieved: It is not, or the repository cannot be believed.
        OSError: It cannot be created.
    """
    if named is None:
        data = default_data_dir()
        make_private(data.parent)
        make_private(data)
        return data
    named.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_named(named.resolve(), own=True)
    ignore = named / ".gitignore"  # it may be in a checkout
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return named


def believed_data_dir(named: Path | None, start: Path | None = None) -> tuple[Path, int]:
    """Return the data directory, which need not be there, and the id of the user whose server it is.

    Args:
        named: The one that the user named, which may be another user's; None for that of this repository.
        start: A place in this repository; by default where the process stands.

    Raises:
        transport.discovery.private_directory.NotBelieved: Somebody else could have put there what lies in it.
    """
    data = named if named is not None else default_data_dir(start)
    try:
        if named is not None:
            return data, check_named(data.resolve(strict=True), own=False) if data.is_dir() else os.geteuid()
        check_private(data.parent)
        check_private(data)
    except (FileNotFoundError, NotADirectoryError):
        pass
    return data, os.geteuid()


def agents_directory(data: Path) -> Path:
    """Return the directory for agents of a group: beside the data directory, which stays closed to them."""
    return data.with_name(data.name + AGENTS_SUFFIX)


def old_data_dir(start: Path | None = None) -> Path | None:
    """Return the data directory that lies in the checkout, as it did once; None where there is none. It is not used."""
    here = (start if start is not None else Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / ".git").exists():
            old = folder / OLD_NAME
            return old if old.is_dir() else None
    return None
