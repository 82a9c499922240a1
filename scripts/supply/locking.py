"""`scripts/lock`: write down which files may be installed, by their digests, and nothing of where they come from.

`constraints.txt` says which versions; what is locked are all files of these versions, so that a checkout installs on
any platform. `locked.txt` is what `moothall` runs on and what builds it, `scripts/locked/EXTRA.txt` what an extra needs
besides.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Final

from supply.index import Index
from supply.requirements import RUN, closure, direct, pinned

CHECKOUT: Final = Path(__file__).parents[2]

_HEAD: Final = "# Made by scripts/lock: versions as in constraints.txt, and the SHA-256 of each of their files.\n"


def main() -> None:
    """Write all locked files."""
    pins = pinned((CHECKOUT / "constraints.txt").read_text())
    groups = packages_by_file()
    every = set[str]().union(*groups.values())
    missing = sorted(every - pins.keys())
    if missing:
        sys.exit(f"scripts/lock: constraints.txt names no version of {', '.join(missing)}; add them")
    index = Index()
    digests = {name: index.digests(name, pins[name]) for name in sorted(every)}
    if unknown := [name for name, found in digests.items() if not found]:
        sys.exit(f"scripts/lock: the index tells no digest of {', '.join(unknown)} in the versions of constraints.txt")
    for path, names in groups.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(_HEAD + "".join(_entry(name, pins[name], digests[name]) for name in sorted(names)))


def packages_by_file() -> dict[Path, set[str]]:
    """Return the canonical names of the packages that each locked file holds."""
    wanted = direct(CHECKOUT / "pyproject.toml")
    run = closure(wanted[RUN], _needs)
    return {
        locked_file(extra): closure(named, _needs) - (run if extra != RUN else set()) for extra, named in wanted.items()
    }


def locked_file(extra: str) -> Path:
    """Return where what an extra needs is locked, or what everything needs under `RUN`."""
    return CHECKOUT / "locked.txt" if extra == RUN else CHECKOUT / "scripts" / "locked" / f"{extra}.txt"


def _needs(name: str) -> Iterable[str]:
    try:
        return requires(name) or ()
    except PackageNotFoundError:  # what is not needed here, or has to be compiled first
        return ()


def _entry(name: str, version: str, digests: set[str]) -> str:
    return " \\\n".join([f"{name}=={version}", *(f"    --hash=sha256:{digest}" for digest in sorted(digests))]) + "\n"


if __name__ == "__main__":
    main()
