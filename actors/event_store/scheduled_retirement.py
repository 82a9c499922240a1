"""Retires the oldest segments while the hall is at work: one at a time, what takes long beside the commits."""

from __future__ import annotations

from pathlib import Path

import msgspec
import trio

from actors.event_store.fatal_errors import ending_on_damage
from actors.ports import RunSync
from store import Append, DiskFull, EventLog, Invalid, NewEvent, Retention, Retired
from store.erasing.erasure import LOG_STREAM
from store.retention.retirement_steps import Retirement

RETIRED = "moothall.log.retired"
"""The type of such an event: how many segments, events and bytes left, and where the log begins now."""

CHECK_S = 60.0
"""How long after a look at what may leave comes the next one, in seconds."""


class RetentionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a server keeps.

    Attributes:
        retention: How much of the log.
        archive: Where a packed copy of each segment that leaves goes; None drops it.
    """

    retention: Retention
    archive: Path | None = None


async def retire_due(
    log: EventLog, retention_plan: RetentionPlan, run_sync: RunSync, files: trio.Lock
) -> tuple[Retired, str]:
    """Let go of what may leave now; return what it was, and what kept the rest back: what is not archived stays.

    Args:
        log: The log.
        retention_plan: What it keeps.
        run_sync: Where disk work runs.
        files: Held while files are being read and removed: the log must not be closed then.

    Raises:
        LogUnusable: A segment that should leave is damaged.
        SyncFailed: The disk did not confirm.
    """
    retirement = log.steps.retirement(retention_plan.retention, archive=retention_plan.archive)
    try:
        with ending_on_damage():
            while await _step(retirement, run_sync, files):
                pass
    except (DiskFull, Invalid) as error:
        return retirement.retired, str(error)
    return retirement.retired, ""


async def _step(retirement: Retirement, run_sync: RunSync, files: trio.Lock) -> bool:
    async with files:
        if not await run_sync(retirement.prepare):
            return False
        retirement.hide()
        await run_sync(retirement.remove)
        return True


def told(retired: Retired) -> Append:
    """Return the append that tells of it."""
    event = NewEvent(type=RETIRED, data=msgspec.to_builtins(retired), stream=LOG_STREAM)
    return Append(events=[event], agent="moothall", stream=LOG_STREAM)
