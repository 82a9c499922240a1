"""The server as a process."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
import trio

from actors.event_store.fatal_errors import DiskSyncFailed, LogUnusable
from actors.kernel import ActorError, Unrecoverable, cause
from store import DiskFull, Invalid, LogDamaged, LogLocked, StoreError, SyncFailed
from store.disk.lock import DirectoryLock
from transport.access.tls import server_context
from transport.access.token_file import DAY_S, TokenError
from transport.access.tokens import Tokens
from transport.cli import garbage_collector
from transport.cli.failure import CommandFailed, Exit
from transport.cli.server.follow_workspaces import follow_workspaces
from transport.cli.server.local_sockets import LocalSockets
from transport.cli.server.open_ports import check_exposure, open_ports, secured
from transport.config import Config
from transport.discovery.data_directory import old_data_dir, prepare_data_dir
from transport.discovery.private_directory import NotBelieved
from transport.logs import Logger
from transport.logs import configure as configure_logging
from transport.server import Server

log = Logger(__name__)

_CODES: tuple[tuple[type[Exception], Exit], ...] = (
    (DiskSyncFailed, Exit.SYNC_FAILED),
    (SyncFailed, Exit.SYNC_FAILED),
    (LogLocked, Exit.IN_USE),
    (LogDamaged, Exit.DAMAGED),
    (LogUnusable, Exit.DAMAGED),
    (DiskFull, Exit.NO),
    (Invalid, Exit.USAGE),
    (TokenError, Exit.USAGE),
    (NotBelieved, Exit.USAGE),
    (ValueError, Exit.USAGE),
)
"""What ended the server, the gravest first, and the exit code that says so."""


def run(settings: Config) -> None:
    """Run the server until SIGTERM or SIGINT; prints one JSON line when it accepts work.

    Args:
        settings: All that it was told.

    Raises:
        CommandFailed: It could not start, or had to end.
    """
    lines = configure_logging()
    _raise_descriptor_limit()
    failure: CommandFailed | None = None
    named = Path(settings.data).expanduser().absolute() if settings.data else None
    where = named or Path()
    try:
        workspace = _workspace(settings)
        where = prepare_data_dir(named)
        old = old_data_dir() if named is None else None
        if old is not None:
            log.warning("data.old_directory_unused", directory=str(old), to_move_its_log=f"moothall adopt {old}")
        if settings.auth == "token":
            tokens = Tokens(where)
            tokens.create_first()
            tokens.keep_lifetime(None if settings.token_days is None else settings.token_days * DAY_S)
        try:
            trio.run(_serve, settings, where, workspace)
        finally:
            lines.drain()
    except* (OSError, ValueError, TokenError, NotBelieved, StoreError, Unrecoverable, ActorError) as group:
        failure = _failure(group, where)
    if failure is not None:  # raised out here: before 3.11.4, what an except* raises comes in a group (gh-103590)
        raise failure


def _workspace(settings: Config) -> Path | None:
    if settings.workspace is None:
        return None
    told = Path(settings.workspace).expanduser().absolute()
    if not told.is_dir():
        raise ValueError(f"{told}, the workspace, is no directory: name one that is there")
    return told


async def _serve(settings: Config, data: Path, workspace: Path | None) -> None:
    server = Server(settings, data)
    tls = server_context(settings.tls_cert, settings.tls_key)
    check_exposure(settings)
    ws, http = await open_ports(settings)
    sockets = LocalSockets(data, settings.agents_group)
    stop = trio.Event()
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(_stop_on_signal, sockets, stop)
            await nursery.start(follow_workspaces, server.hall.views, workspace, Path.cwd())
            nursery.start_soon(sockets.watch, partial(server.hall.views.tell_trouble, "local_sockets"))
            ready = partial(_ready, ws[0], http[0], sockets, settings, data)
            await server.run([*sockets.ws, *secured(ws, tls)], ready, stop, [*sockets.http, *secured(http, tls)])
            nursery.cancel_scope.cancel()
    finally:
        sockets.withdraw()


def _ready(
    ws: trio.SocketListener, http: trio.SocketListener, sockets: LocalSockets, settings: Config, data: Path
) -> None:
    secure = "s" if settings.tls_cert is not None else ""
    ws_url, http_url = f"ws{secure}://{_address(ws, settings)}/mcp", f"http{secure}://{_address(http, settings)}"
    sockets.announce(ws_url, http_url)
    garbage_collector.settle()
    if settings.auth == "none":
        log.warning("server.without_tokens", everybody_is="admin local")
    line = {"event": "ready", "ws": ws_url, "http": http_url, "data": str(data), "pid": os.getpid()}
    print(msgspec.json.encode(line).decode(), flush=True)


def _address(listener: trio.SocketListener, settings: Config) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{listener.socket.getsockname()[1]}"


async def _stop_on_signal(sockets: LocalSockets, stop: trio.Event, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            sockets.withdraw()  # while the log is locked still: the next server announces itself behind this
            stop.set()


def _failure(group: BaseException, data: Path) -> CommandFailed:
    errors = list(_with_causes(group))
    for kind, code in _CODES:
        for error in errors:
            if isinstance(error, kind):
                return CommandFailed(code, str(error))
    if any(isinstance(error, OSError) for error in errors):
        return _not_served(next(error for error in errors if isinstance(error, OSError)), data)
    return CommandFailed(Exit.NO, str(cause(group)))


def _not_served(error: OSError, data: Path) -> CommandFailed:
    """Tell of a port in use; but where another server has the directory too, that is what matters."""
    try:
        DirectoryLock(data).release()
    except LogLocked as locked:
        return CommandFailed(Exit.IN_USE, str(locked))
    except OSError as unusable:
        return CommandFailed(Exit.NO, f"cannot use {data} for data: {unusable}; choose another directory")
    return CommandFailed(Exit.NO, f"cannot serve {data}: {error}")


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Iterate over an error, what is in it if it is a group, and what each was raised from."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, BaseExceptionGroup):
            waiting.extend(cast("BaseExceptionGroup[BaseException]", each).exceptions)
        else:
            yield each
        if each.__cause__ is not None:
            waiting.append(each.__cause__)


def _raise_descriptor_limit() -> None:
    """Allow as many descriptors as the system lets this process have: sockets must not take them from the log."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
