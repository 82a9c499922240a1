"""Which git repository a folder is of, found without git: the hook runs before every call of an agent.

A repository can be shipped by anybody, so only what its files confirm from both sides is believed: that a folder is a
worktree of a repository, if the repository names that folder. As in git, what belongs to another user is believed only
where `safe.directory` says so; git itself is asked then.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from transport.discovery.private_directory import NotBelieved

MOST_GIT_FILE_BYTES: Final = 65_536
"""How much of one of git's small files is read; a pointer is shorter than a path may be."""

GIT_S: Final = 5.0
"""How long git may take to say whether a directory is safe, in seconds."""

_WORKTREE: Final = re.compile(r"^\s*worktree\s*=\s*(.*?)\s*$", re.MULTILINE)


def common_directory(start: Path) -> Path | None:
    """Return the git common directory of the repository that a folder is in: one for all its worktrees and folders.

    Returns:
        Its canonical path; None outside of a repository. A folder whose `.git` points to a repository elsewhere that
        does not point back is a repository of its own, named by that `.git`. A bare repository inside of another
        one's working tree is part of that: unlike a `.git`, a clone can bring it.

    Raises:
        NotBelieved: It says that it is a worktree and is not, or belongs to another user.
    """
    here = start.resolve()
    try:
        return _found_above(here)
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a path that cannot be one
        raise NotBelieved(f"the repository of {here} cannot be looked at ({error}): does `git status` work?") from None


def _found_above(here: Path) -> Path | None:
    bare: Path | None = None
    for folder in (here, *here.parents):
        entry = folder / ".git"
        if entry.is_dir() and not entry.is_symlink():
            if _is_git_directory(entry):
                _check_owner(folder, [entry])
                return entry
        elif entry.is_file() or entry.is_symlink():
            return _pointed_to(folder, entry)
        if bare is None and _is_bare(folder):
            bare = folder
    if bare is not None:
        _check_owner(bare, [bare])
    return bare


def _pointed_to(folder: Path, entry: Path) -> Path:
    """Return the common directory of the repository that a `.git` that is no directory points to."""
    git = entry.resolve() if entry.is_dir() else (folder / _pointer(entry)).resolve()
    if not _is_git_directory(git):
        raise NotBelieved(f"{entry} points to {git}, which is no repository: `git worktree repair` may help")
    if (git / "commondir").is_file():
        common = (git / _text(git / "commondir")).resolve()
        named = (git / _text(git / "gitdir")).parent.resolve() / ".git" if (git / "gitdir").is_file() else None
        if git.parent != common / "worktrees" or named != entry or not _is_git_directory(common):
            raise NotBelieved(
                f"{entry} says that this is a worktree of {common}, which knows of none here: "
                "run `git worktree repair` if you moved it"
            )
        _check_owner(folder, [git, entry, common])
        return common
    if git.is_relative_to(folder) or _worktree_of(git) == folder:
        _check_owner(folder, [git, entry])
        return git
    _check_owner(folder, [entry])
    return entry


def _is_git_directory(path: Path) -> bool:
    """Say whether it is one by what git looks for."""
    has_objects = (path / "objects").is_dir() and (path / "refs").is_dir()
    return (has_objects or (path / "commondir").is_file()) and (path / "HEAD").is_file()


def _is_bare(folder: Path) -> bool:
    """Say whether a folder is a git directory itself, and no worktree's part of one."""
    return (folder / "HEAD").is_file() and _is_git_directory(folder) and not (folder / "commondir").exists()


def _pointer(entry: Path) -> str:
    prefix, _, path = _text(entry).partition(" ")
    if prefix != "gitdir:" or not path:
        raise NotBelieved(f"{entry} is neither a repository nor points to one: remove it, or run `git init`")
    return path


def _worktree_of(git: Path) -> Path | None:
    """Return the folder that a submodule's repository names as its own."""
    config = git / "config"
    found = _WORKTREE.search(_text(config)) if config.is_file() else None
    return None if found is None else (git / found[1].strip('"')).resolve()


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return os.fsdecode(file.read(MOST_GIT_FILE_BYTES)).strip()


def _check_owner(folder: Path, others: Sequence[Path]) -> None:
    """See that a repository is the user's own, or one that git calls safe; the first of the others is its directory."""
    users = {os.geteuid()}
    if os.geteuid() == 0 and (sudo := os.environ.get("SUDO_UID", "")).isdecimal():
        users.add(int(sudo))
    if all(path.lstat().st_uid in users for path in (folder, *others)) or _is_safe(folder, others[0]):
        return
    raise NotBelieved(
        f"the repository in {folder} belongs to another user: if you trust it, "
        f"`git config --global --add safe.directory {folder}`"
    )


def _is_safe(folder: Path, git: Path) -> bool:
    environment = {key: value for key, value in os.environ.items() if key[:4] != "GIT_" or key.startswith("GIT_CONFIG")}
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--absolute-git-dir"],  # noqa: S607 - the user's own git
            cwd=folder,
            env=environment,
            capture_output=True,
            check=False,
            timeout=GIT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and os.fsdecode(done.stdout).strip() == str(git)
