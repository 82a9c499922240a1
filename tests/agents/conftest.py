"""A project with a hall, a network without a way out, and the agents from npm."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from installed_agents import NotInstalled, install
from machine import Machine
from network import Network


@pytest.fixture(scope="session")
def commands():
    """The directory of the agents' commands; a skip where they cannot be had, which is a failure in CI."""
    try:
        return install()
    except NotInstalled as error:
        pytest.skip(f"the coding agents cannot be installed: {error}")


@pytest.fixture
def network() -> Iterator[Network]:
    if os.geteuid() != 0:
        pytest.skip("only root can make a network without a way out")
    made = Network()
    yield made
    made.close()


@pytest.fixture
def machine(commands, network, checkout, server, tmp_path):
    """Where an agent runs: a repository, a hall that is yet to start, a home directory, a network of its own."""
    return Machine(commands, network, checkout, server, tmp_path / "home")
