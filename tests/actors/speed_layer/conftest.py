"""What the tests of the policy ask it."""

from __future__ import annotations

import pytest

from actors.speed_layer.policy.engine import Policy, Request


@pytest.fixture(scope="session")
def shell():
    """Tell the verdict of the shipped policy on a shell line."""
    policy = Policy.default()

    def verdict(line, cwd="/home/dev/project"):
        return policy.decide(Request("Bash", {"command": line}, cwd)).verdict

    return verdict
