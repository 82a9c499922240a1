"""How long the disk under a log lasts: its free space beside what the log has grown by of late."""

import shutil
from os import PathLike
from typing import Final

DAY_S: Final = 86_400.0
HOUR_S: Final = 3_600.0

LOW_BYTES: Final = 512 << 20
"""Less free space is worth a warning whatever the growth: sixteen segments."""

LOW_DAYS: Final = 7.0
"""So is a disk that will be full sooner: a weekend passes before anybody looks."""


def free_bytes(directory: str | PathLike[str]) -> int:
    """Return how many bytes of a directory's disk this process may still write; blocking.

    Raises:
        OSError: there is no such directory, or its disk does not answer.
    """
    return shutil.disk_usage(directory).free


def bytes_per_day(grown: int, within_s: float) -> float:
    """Return what a log grows by in a day, from what it grew by within some seconds.

    Less than an hour counts as one: a minute's work is not what a day will bring.
    """
    return grown * DAY_S / max(within_s, HOUR_S)


def days_left(free: int, per_day: float) -> float | None:
    """Return in how many days the disk will be full; None for a log that does not grow."""
    return free / per_day if per_day > 0 else None


def disk_warning(directory: str | PathLike[str], free: int, per_day: float) -> str:
    """Say that the disk will soon be full and what to do, in a sentence; nothing if it will not."""
    left = days_left(free, per_day)
    if free >= LOW_BYTES and (left is None or left >= LOW_DAYS):
        return ""
    lasts = "" if left is None else f", {left:.1f} days at {per_day / (1 << 20):.0f} MiB a day as of late"
    return (
        f"the disk of {directory} has {free / (1 << 20):.0f} MiB left{lasts}: make room, or let old events leave "
        "(`retain_days`, `retain_bytes`)"
    )
