"""A hall in this process: all actors, the log in memory, no sockets."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from actors.desk.gate import Caller, Gate
from actors.hall import Hall
from actors.kernel import Supervisor, System, running
from actors.ports import Ports
from actors.session.messages import Principal
from actors.speed_layer.policy.engine import Policy
from store import Log, MemoryLog
from transport.version import VERSION

CALLER = Caller(Principal("bench", "admin"), 1)
"""Who asks: an admin, because only admins have no rate limit."""


class Opened(NamedTuple):
    """A hall that runs.

    Attributes:
        gate: Its front desk.
        system: Its actors.
    """

    gate: Gate
    system: System


@asynccontextmanager
async def hall(open_log: Callable[[], Log] = MemoryLog, policy: Policy | None = None) -> AsyncGenerator[Opened]:
    """Run a hall for the length of a block.

    Args:
        open_log: Opens its log; by default one in memory.
        policy: What governs; the shipped policy unless given.
    """
    system = System(random.Random(1))  # noqa: S311 - jitter
    governing = policy if policy is not None else Policy.default()
    made = Hall(open_log=open_log, policy=governing, version=VERSION, ports=Ports(), system=system)
    async with running(Supervisor([made.spec()]), system=system):
        yield Opened(made.gate, system)
