"""`moothall connect`: the stdio bridge, for MCP clients that only start a command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

import anyio

from transport.bridge.stdio import Bridge
from transport.cli import garbage_collector
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import find_server
from transport.dial.address import Address, Lost, Refused
from transport.discovery.find_hall import Given


def connect(
    url: str | None = None,
    *,
    data: Path | None = None,
    token: str | None = None,
    token_file: Path | None = None,
    tls_ca: Path | None = None,
) -> None:
    """Bridge stdio to a server's websocket, over as many connections as it takes, until stdin ends.

    A server that is not up yet is waited for, up to half a minute.

    Args:
        url: The server's websocket URL; by default MOOTHALL_URL, else the server on the data directory.
        data: The hall's data directory; by default MOOTHALL_DATA, else that of this repository.
        token: The agent's token, which other users of this machine can read here; better give one of the next.
        token_file: A file that holds the agent's token; by default MOOTHALL_TOKEN, else the server's agent token.
        tls_ca: A PEM file to trust a wss server by; by default MOOTHALL_TLS_CA, else what the system trusts.
    """
    if token is not None:
        _tell("other users of this machine can read --token; set MOOTHALL_TOKEN, or give --token-file")
    given = Given(url, data, token, token_file, tls_ca)
    find = _finder(given)
    with suppress(Lost):  # a mistake of the caller is told before anything is waited for
        find()

    async def run() -> None:
        garbage_collector.settle()
        await Bridge(find, sys.stdin.fileno(), sys.stdout.fileno(), _tell).run()

    failure: CommandFailed | None = None
    try:
        anyio.run(run)
    except* (Refused, Lost) as group:
        failure = CommandFailed(Exit.UNREACHABLE, _said(group))
    except* CommandFailed as group:
        failure = CommandFailed(Exit.USAGE, _said(group))
    except* ValueError as group:
        failure = CommandFailed(Exit.USAGE, _said(group))
    except* (BrokenPipeError, KeyboardInterrupt):
        sys.stdout = None  # whoever started us has gone; Python would complain when it flushes
    if failure is not None:  # raised out here: before 3.11.4, what an except* raises comes in a group (gh-103590)
        raise failure


def _finder(given: Given) -> Callable[[], Address]:
    known: Address | None = None

    def find() -> Address:
        nonlocal known
        try:
            known = find_server(given)
        except CommandFailed as failed:
            if known is None and failed.code != Exit.UNREACHABLE:
                raise
            if known is None:  # no server has been started yet
                raise Lost(str(failed)) from None
        return known  # where its directory is being cleared away, it was known before

    return find


def _tell(line: str) -> None:
    print(f"moothall: {line}", file=sys.stderr, flush=True)


def _said(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return str(error)
