"""Peers that have to be installed: found where they are, missed aloud where they are not."""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from benchmarks.measuring.runner import Bench, Round

INSTALL = "install moothall with its `bench` extra"
"""What to do where a peer is missing."""


class ActorPeer(Protocol):
    """What a module that wraps another actor library offers; each call makes a round."""

    def asks(self, count: int, askers: int) -> Round:
        """Ask `count` times with `askers` asks under way at once; observes the time of one, in microseconds."""
        ...

    def tells(self, count: int) -> Round:
        """Tell `count` times and drain; observes the time of one, in microseconds."""
        ...

    def spawns(self, count: int) -> Round:
        """Start and stop `count` actors; observes the time of one, in microseconds."""
        ...


def installed(bench: Bench, name: str, module: str) -> dict[str, ActorPeer]:
    """Return the peer by its name if it is wanted and installed, else nothing and a note that says so."""
    if not bench.peers:
        bench.note(f"{name}: not measured; `--peers` measures it")
        return {}
    try:
        return {name: cast("ActorPeer", importlib.import_module(module))}
    except ModuleNotFoundError as error:
        bench.note(f"{name}: not measured, {error.name} is not installed; {INSTALL}")
        return {}
