"""The coding agents themselves, from npm, in the versions that `package.json` pins and with the digests of its lock.

They are installed once, into the user's cache directory, by npm as it is configured there. 1.3 GB; half a minute.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

PINS = Path(__file__).with_name("package.json")
LOCK = Path(__file__).with_name("package-lock.json")
LIMIT_S = 900


class NotInstalled(Exception):  # noqa: N818 - states a fact about this machine
    """An agent cannot be had here; the text says why."""


def cache_directory() -> Path:
    """Return where these versions lie, whether they are there or not."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "moothall-agents" / hashlib.sha256(PINS.read_bytes() + LOCK.read_bytes()).hexdigest()[:16]


def version(package: str) -> str:
    """Return the version of a package that is pinned."""
    return str(json.loads(PINS.read_text())["dependencies"][package])


def install() -> Path:
    """Install the agents, unless they are; return the directory of their commands.

    Raises:
        NotInstalled: There is no npm, or it failed.
    """
    place = cache_directory()
    if shutil.which("npm") is None:
        raise NotInstalled("there is no npm")
    place.mkdir(parents=True, exist_ok=True)
    done = place / "installed"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of one run of the tests all ask at once
        if not done.exists():
            for file in (PINS, LOCK):
                shutil.copy(file, place)
            command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel", "error", "--prefix", place]
            try:
                ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                raise NotInstalled(f"npm took longer than {LIMIT_S} seconds") from None
            if ran.returncode:
                raise NotInstalled(f"npm failed: {ran.stderr[-1000:]}")
            done.touch()
    return place / "node_modules" / ".bin"
