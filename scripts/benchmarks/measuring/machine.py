"""What the machine is, and what its disk does by itself."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measuring.figure import Conditions, Machine
from transport.version import VERSION

ROOT = Path(__file__).resolve().parents[3]
"""The checkout."""

_MOUNTS = Path("/proc/self/mounts")
_PROBE = bytes(256)
"""What is written to learn what the disk does by itself: about the record of one small event."""

_PROBES = 500
"""How often: under 0.1 s on a quick disk, a few seconds on a slow one."""


def conditions(directory: Path) -> Conditions:
    """Return what a run that writes to `directory` is measured on; takes up to a few seconds for the disk."""
    return Conditions(machine=_machine(directory), version=VERSION, revision=_revision())


def filesystem(directory: Path) -> str:
    """Return the type of the file system that a directory is on, `unknown` if the system does not say."""
    try:
        mounts = [line.split() for line in _MOUNTS.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return "unknown"
    where = directory.resolve()
    over = [(point, kind) for _, point, kind, *_ in mounts if where.is_relative_to(point)]
    return max(over, key=lambda each: len(each[0]))[1]


def write_and_sync(path: Path, data: bytes, times: int) -> list[float]:
    """Write `data` `times` times over bytes that the disk has already, each write followed by its fdatasync.

    Returns:
        How long each pair took, in microseconds.
    """
    took: list[float] = []
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.pwrite(fd, bytes(len(data) * times), 0)
        os.fsync(fd)
        for number in range(times):
            began = time.perf_counter()
            os.pwrite(fd, data, number * len(data))
            os.fdatasync(fd)
            took.append((time.perf_counter() - began) * 1e6)
    finally:
        os.close(fd)
        path.unlink()
    return took


def _machine(directory: Path) -> Machine:
    return Machine(
        cpus=len(os.sched_getaffinity(0)),
        model=_model(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        kernel=f"{platform.system()} {platform.release()}",
        filesystem=filesystem(directory),
        write_fdatasync_us=round(statistics.median(write_and_sync(directory / "probe", _PROBE, _PROBES)), 1),
    )


def _model() -> str:
    if sys.platform == "linux":
        for fact in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = fact.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _revision() -> str | None:
    if not (ROOT / ".git").exists():  # git would otherwise tell of a repository around it
        return None
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.stdout.strip()
