"""A hall in a process of its own, as users run it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from benchmarks.measuring.directories import fresh
from benchmarks.measuring.processes import child
from benchmarks.measuring.runner import Bench


class Ready(msgspec.Struct, frozen=True):
    """The ready line of `moothall serve`, as far as it is needed here."""

    pid: int
    ws: str


@contextmanager
def hall(bench: Bench, *, fsync: str = "group") -> Generator[tuple[int, str]]:
    """Run `moothall serve` with defaults but for a free port and no tokens, on an empty data directory.

    Yields:
        Its process id and its websocket's URL.

    Raises:
        ChildFailed: It did not start.
    """
    with fresh(bench.directory) as directory:
        arguments = [
            "-c",
            "from transport.cli.entry import main; import os; os.chdir(os.sep); main()",  # it has no workspace
            "serve",
            "--data",
            str((directory / "data").absolute()),
            "--port",
            "0",
            "--http-port",
            "0",
        ]
        arguments += ["--auth", "none", "--fsync", fsync]
        with child(arguments, directory / "stderr") as (_, line):
            ready = msgspec.json.decode(line, type=Ready)
            yield ready.pid, ready.ws
