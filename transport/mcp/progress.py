"""Progress of a call that waits, for clients that asked for it: how long it has waited, of how long it will."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final, TypeVar

import trio
from mcp.server.context import ServerRequestContext

PROGRESS_S: Final = 1.0
"""How often progress is told, in seconds: as often as a person looks at a clock that counts seconds."""

T = TypeVar("T")


async def telling(context: ServerRequestContext[Any, Any], arguments: dict[str, Any], work: Awaitable[T]) -> T:
    """Await the work of a call, and tell its client of progress while it waits; a checkpoint.

    Args:
        context: The request's; says whether progress was asked for.
        arguments: The call's; `wait_s` says how long it may wait, in seconds.
        work: Raises nothing but `trio.Cancelled`.
    """
    wait_s = arguments.get("wait_s")
    if not isinstance(wait_s, int | float) or not wait_s or "progress_token" not in (context.meta or {}):
        return await work
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_tell, context, float(wait_s))
        result = await work
        nursery.cancel_scope.cancel()
    return result


async def _tell(context: ServerRequestContext[Any, Any], wait_s: float) -> None:
    began = trio.current_time()
    while True:
        await trio.sleep(PROGRESS_S)
        waited_s = trio.current_time() - began
        await context.session.report_progress(round(waited_s, 3), wait_s, f"waiting for {waited_s:.0f} s")
