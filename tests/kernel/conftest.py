"""Shared by the tests of the kernel."""

from __future__ import annotations

import random

import pytest

from actors.kernel import System


@pytest.fixture
def seeded():
    """A system whose restarts have the same jitter in each run."""
    return System(random.Random(7))
