"""Watches how long the disk under the log lasts, for health to tell before it is full."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import trio

from actors.ports import Ports
from store import EventLog, bytes_per_day, disk_warning

LOOK_S: Final = 60.0
"""How long after a look at the disk comes the next one, in seconds."""

LOOKS: Final = 1440
"""How many looks the growth is taken from: a day of them."""


class DiskWatch:
    """What was seen of one log and its disk. Pure.

    Args:
        directory: The log's.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._grown: deque[tuple[float, int]] = deque(maxlen=LOOKS)
        self._total = 0
        self._size: int | None = None

    def warning(self, size: int, free: int, now: float) -> str:
        """Take note of a look; returns what to tell, nothing if the disk lasts.

        Args:
            size: How many bytes the log has: fewer than before where old events have left, which is no growth.
            free: How many bytes its disk has left.
            now: The time now, in seconds of the clock that is used throughout.
        """
        self._total += max(0, size - self._size) if self._size is not None else 0
        self._size = size
        self._grown.append((now, self._total))
        since, before = self._grown[0]
        return disk_warning(self._directory, free, bytes_per_day(self._total - before, now - since))


async def watch_disk(log: EventLog, ports: Ports, tell: Callable[[str], None]) -> None:
    """Look at a log's disk now and every `LOOK_S`, for ever; a checkpoint.

    Args:
        log: The log.
        ports: How the disk is asked.
        tell: Told after each look what there is to tell; nothing if the disk lasts.
    """
    watch = DiskWatch(log.directory)
    while True:
        try:
            free = await ports.run_sync(partial(ports.free_bytes, log.directory))
        except OSError as error:
            tell(f"what the disk of {log.directory} has left is not known: {error}")
        else:
            tell(watch.warning(log.stats().bytes, free, trio.current_time()))
        await trio.sleep(LOOK_S)
