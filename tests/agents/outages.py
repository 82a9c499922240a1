"""A session in which the hall goes away in every way there is, step by step, and comes back: what ran meanwhile?

Each step is a call that would make a file, so what ran is what is there.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from fake_model import Call
from machine import Machine

GATED = ("up", "again", "awake")
"""The steps at which there is a hall that allows it."""

Write = Callable[[str], Call]
"""Returns the call that makes a file of this name, in the agent's own words."""


class Interpreter:
    """What a hook's line names as Python: the real one, until a test lets it go, crash or hang."""

    def __init__(self, machine: Machine) -> None:
        self.path = machine.home / "python"
        self.works()

    def named_in(self, settings: str) -> str:
        """Return an agent's settings with this in place of Python."""
        assert sys.executable in settings
        return settings.replace(sys.executable, str(self.path))

    def works(self) -> None:
        self._is(f'exec {sys.executable} "$@"')

    async def is_killed(self) -> None:
        self._is("kill -9 $$")

    async def fails(self) -> None:
        self._is("echo '{'; exit 1")

    async def hangs(self) -> None:
        self._is("exec sleep 5")

    async def is_gone(self) -> None:
        self.path.unlink()

    def _is(self, line: str) -> None:
        new = Path(f"{self.path}.new")
        new.write_text(f"#!/bin/sh\n{line}\n")
        new.chmod(0o755)
        new.replace(self.path)


def outages(machine: Machine, write: Write, *, unknown: Callable[[], Awaitable[None]] | None = None) -> list[Call]:
    """Return a script: the hall is up, down, up again, hangs, is awake, and does not know the token any more."""
    before: dict[str, Callable[[], Awaitable[Any]] | None] = {
        "up": None,
        "down": machine.hall_ends,
        "again": machine.start_hall,
        "hung": machine.hall_hangs,
        "awake": machine.hall_goes_on,
        "unknown": unknown or machine.token_is_wrong,
    }
    return [write(name)._replace(before=step) for name, step in before.items()]


def broken_hooks(interpreter: Interpreter, write: Write) -> list[Call]:
    """Return a script in which the hook itself fails in every way, after it worked once."""
    before: dict[str, Callable[[], Awaitable[None]]] = {
        "works": trio.lowlevel.checkpoint,
        "killed": interpreter.is_killed,
        "fails": interpreter.fails,
        "hangs": interpreter.hangs,
        "gone": interpreter.is_gone,
    }
    return [write(name)._replace(before=step) for name, step in before.items()]


def made(machine: Machine) -> set[str]:
    """Return which files there are in the project."""
    return {path.name for path in machine.project.iterdir() if path.is_file()}
