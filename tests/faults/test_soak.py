"""Seconds of what `scripts/soak` does for minutes."""

import sys
from pathlib import Path

import pytest


@pytest.mark.slow
async def test_a_server_is_after_a_storm_of_agents_what_it_was_before(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    from soak import soak

    report = await soak(8, 30, seed=7, settle_s=5)
    del sys.modules["soak"]
    problems = [each for each in report["problems"] if not each.startswith("actors:")]  # sessions live a minute longer
    assert problems == []
    assert report["done"]["work"] > 0
    assert report["events"] > 0
