"""Where agents of a repository work: its checkouts, found without git, as `git worktree list` would name them.

Only what the repository's files confirm from both sides is believed, as in `git_repository`: a worktree is one if the
repository names its folder and that folder's `.git` points back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from transport.discovery.git_repository import common_directory
from transport.discovery.private_directory import NotBelieved

MOST_WORKTREES: Final = 256
"""How many worktrees are looked for: each is some file reads, every few seconds."""


def workspaces(named: Path | None, start: Path) -> tuple[str, ...]:
    """Return the roots that count as workspaces, canonical, the hall's own first; blocks.

    Args:
        named: The root that the hall was told; its repository's worktrees count too.
        start: Where the hall was started.

    Returns:
        None of them where the hall was told none and was started outside any checkout.
    """
    own = (named if named is not None else start).resolve()
    try:
        common = common_directory(own)
    except NotBelieved:
        common = None
    root = own if named is not None else _root_of(own)
    if root is None or (named is None and common is None):
        return ()
    found = [root] if common is None else [root, *_checkouts(common)]
    return tuple(dict.fromkeys(map(str, found)))


def _root_of(folder: Path) -> Path | None:
    """Return the checkout that a folder lies in; None in a bare repository, and outside of any."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def _checkouts(common: Path) -> Iterator[Path]:
    """Yield a repository's main checkout, if it has one, and its worktrees that are there."""
    if common.name == ".git":
        yield common.parent
    try:
        entries = sorted((common / "worktrees").iterdir())[:MOST_WORKTREES]
    except OSError:
        return
    for entry in entries:
        try:
            folder = Path((entry / "gitdir").read_text("utf-8").strip()).parent
            if folder.is_absolute() and common_directory(folder) == common:
                yield folder.resolve()
        except (OSError, ValueError, NotBelieved):
            continue
