"""The whole hall without sockets, disks or time: in-memory log, inline sync port, a clock that jumps."""

from __future__ import annotations

import itertools
import random
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio

VERSION = "0-test"


@pytest.fixture(scope="session")
def policy():
    from actors.speed_layer.policy import Policy

    return Policy.default()


def crash_safe_memory():
    """A log in memory that plays the disk: whoever opens it again finds all that was written to it."""
    from store import MemoryLog

    class CrashSafeMemory(MemoryLog):
        def close(self):
            for staged in list(self._unsettled):
                MemoryLog.flush(self, staged)
                self.settle(staged)

    return CrashSafeMemory()


class World:
    """A hall, what it stands on, and the crashes that it has reported."""

    def __init__(self, policy, **options):
        from actors.hall import Hall
        from actors.kernel import System
        from actors.ports import Ports, inline

        counter = itertools.count(1)
        self.system = System(random.Random(1))
        self.log = options.pop("log", None) or crash_safe_memory()
        self.crashes = []
        self.ports = Ports(
            run_sync=options.pop("run_sync", inline),
            clock_ns=lambda: 1_700_000_000_000_000_000 + round(trio.current_time() * 1e9),
            random_bytes=lambda n: next(counter).to_bytes(n, "big"),
        )
        self.hall = Hall(
            open_log=lambda: self.log,
            policy=policy,
            version=VERSION,
            ports=self.ports,
            system=self.system,
            on_crash=lambda name, error: self.crashes.append((name, error)),
            **options,
        )
        self.gate = self.hall.gate
        self.views = self.hall.views

    @asynccontextmanager
    async def open(self):
        from actors.kernel import Supervisor, running

        root = Supervisor([self.hall.spec()], on_crash=self.hall.on_crash)
        async with running(root, system=self.system):
            yield self


@pytest.fixture
def make_world(policy):
    return lambda **options: World(policy, **options)


@pytest.fixture
async def world(make_world):
    async with make_world().open() as opened:
        yield opened


@pytest.fixture
def scout():
    from actors.gate import Caller
    from actors.session.messages import Principal

    return Caller(Principal("scout", "agent"), 1)


@pytest.fixture
def rover():
    from actors.gate import Caller
    from actors.session.messages import Principal

    return Caller(Principal("rover", "agent"), 2)


def slow_limits(rate, burst):
    from actors.session.admission import LIMITS

    return {**LIMITS, "agent": msgspec.structs.replace(LIMITS["agent"], requests_per_s=rate, burst=burst)}


@pytest.fixture
def limits_of():
    return slow_limits
