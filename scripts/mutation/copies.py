"""Copies of the checkout, which bugs are put into: the checkout itself is never touched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mutation.mutant import Mutant

CHECKOUT: Final = Path(__file__).parents[2]
_LEFT_OUT: Final = (".git", ".venv*", ".mutants", ".hypothesis", ".*_cache", "node_modules", "*.egg-info", "build")


@contextmanager
def copied(checkout: Path) -> Generator[Path]:
    """Yield a copy of a checkout, compiled modules with it; it is removed in the end.

    Args:
        checkout: What is copied, but for what is not the project's own.
    """
    with TemporaryDirectory(prefix="moothall-mutants-") as home:
        copy = Path(home).resolve() / "checkout"
        shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        (copy / ".git").mkdir()  # so that nobody looks for a project further up
        yield copy


def environment(copy: Path) -> dict[str, str]:
    """Return the environment in which modules are taken from a copy, also by the programs that tests start."""
    path = os.pathsep.join((str(copy), str(copy / "scripts")))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MOOTHALL_")}
    return {**kept, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}


@contextmanager
def put_in(copy: Path, mutant: Mutant, number: int) -> Generator[None]:
    """Have a bug in a copy.

    Args:
        copy: The copy.
        mutant: The bug.
        number: Which one of this copy's it is: from it the file gets its age, by which Python knows whether what it
            has compiled is still that; two bugs of the same size within a second would be taken for one.
    """
    path = copy / mutant.module
    before = path.stat()
    path.write_text(mutant.changed)
    os.utime(path, (before.st_atime, before.st_mtime + 2 * number + 1))
    try:
        yield
    finally:
        path.write_text(mutant.source)
        os.utime(path, (before.st_atime, before.st_mtime))
