"""The fake front as fixtures; see `fake_front`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from transport.client import HallClient

from fake_front import FakeGate, Front, Raw, running_front


@pytest.fixture
def front(tmp_path: Path) -> Callable[..., Any]:
    """Return an async context manager that runs a gateway before a fake gate."""
    return partial(running_front, tmp_path)


@pytest.fixture
def fake_gate() -> type[FakeGate]:
    """Return the class of gates that answer without a hall."""
    return FakeGate


@pytest.fixture
def raw_client() -> type[Raw]:
    """Return the class of raw clients, for streams of a test's own."""
    return Raw


@pytest.fixture
def hall(front: Callable[..., Any]) -> Callable[..., Any]:
    """Return an async context manager that yields (front, client)."""

    @asynccontextmanager
    async def run(**options: Any) -> AsyncGenerator[tuple[Front, HallClient]]:
        async with front(**options) as running_front, running_front.client() as client:
            yield running_front, client

    return run
