"""Run a tree: the one place where a root supervisor meets a nursery."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

from actors.kernel.lifecycle.child import Child
from actors.kernel.messages.actor_system import System

ROOT = "root"
"""The name of the supervisor at the top, unless told otherwise."""


@asynccontextmanager
async def running(root: Child, *, name: str = ROOT, system: System | None = None) -> AsyncGenerator[System, None]:
    """Start a tree, yield its system, and stop it in order when the block ends.

    Args:
        root: The supervisor (or single actor) at the top.
        name: The root's name.
        system: The system to run in; a new one unless given.

    Raises:
        Exception: In a group, whatever ended the tree: a restart intensity exceeded, or an `Unrecoverable`. The block
            is cancelled then.
    """
    own = system if system is not None else System()
    root.attach(name, own)
    async with trio.open_nursery() as clockwork:
        await clockwork.start(own.deadlines.run)
        async with trio.open_nursery() as nursery:
            await nursery.start(root.run)
            try:
                yield own
            finally:
                root.request_stop()
        clockwork.cancel_scope.cancel()
