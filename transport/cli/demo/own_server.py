"""A server process of one's own, for as long as a block lasts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import trio

from transport.cli.failure import CommandFailed, Exit
from transport.config import PREFIX

START_S = 30.0
STOP_S = 30.0


class _Ready(msgspec.Struct):
    ws: str


@asynccontextmanager
async def server_process(data: Path, *options: str) -> AsyncGenerator[str, None]:
    """Run `moothall serve` on a data directory, yield its websocket URL, and stop it in order.

    Args:
        data: The data directory.
        options: Further options of `serve`.

    Raises:
        CommandFailed: It does not start.
    """
    command = _command(data, options)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    with (data / "server.log").open("wb") as log:
        process = await trio.lowlevel.open_process(  # outside of any checkout: the agents' directories are workspaces
            command, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=os.sep
        )
        try:
            yield await _ready(process, data)
        finally:
            process.terminate()
            with trio.move_on_after(STOP_S, shield=True):
                await process.wait()
            if process.returncode is None:
                process.kill()


def _command(data: Path, options: Sequence[str]) -> list[str]:
    return [
        sys.executable,
        "-m",
        "transport.cli.main",
        "serve",
        "--data",
        str(data.absolute()),
        "--port",
        "0",
        "--http-port",
        "0",
        *options,
    ]


async def _ready(process: trio.Process, data: Path) -> str:
    assert process.stdout is not None
    line = b""
    with trio.move_on_after(START_S):
        while not line.endswith(b"\n"):
            more = await process.stdout.receive_some()
            if not more:
                break
            line += more
    try:
        return msgspec.json.decode(line, type=_Ready).ws
    except msgspec.DecodeError:
        tail = (data / "server.log").read_text(encoding="utf-8", errors="replace").strip()[-400:]
        raise CommandFailed(Exit.UNREACHABLE, f"the server did not start: {tail or 'it said nothing'}") from None
