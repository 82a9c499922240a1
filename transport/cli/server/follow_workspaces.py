"""Keeps the hall's workspaces as the repository has them: a worktree that is added becomes one within seconds."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import trio

from actors.views import Views
from transport.discovery.workspaces import workspaces

LOOK_S: Final = 3.0
"""How often the repository is looked at, in seconds; until then a new worktree is outside, and asked about."""


async def follow_workspaces(
    views: Views, named: Path | None, start: Path, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Publish the workspaces at once, and again whenever they change, until it is cancelled; a checkpoint.

    Args:
        views: Where they are published.
        named: The root that the hall was told.
        start: Where the hall was started.
        task_status: Told once they are published.
    """
    look = partial(workspaces, named, start)
    views.workspaces = await trio.to_thread.run_sync(look)
    task_status.started()
    while True:
        await trio.sleep(LOOK_S)
        views.workspaces = await trio.to_thread.run_sync(look)
