"""The server as a process."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import ssl
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
import trio

from actors.event_store.fatal_errors import DiskSyncFailed, LogUnusable
from actors.kernel import ActorError, Unrecoverable, cause
from store import DiskFull, Invalid, LogDamaged, LogLocked, StoreError, SyncFailed
from store.disk.lock import DirectoryLock
from transport.access.accept_connections import Listener
from transport.access.tls import server_context
from transport.access.tokens import TokenError, Tokens
from transport.cli import garbage_collector
from transport.cli.failure import CommandFailed, Exit
from transport.config import Config
from transport.data_directory import ServerInfo, default_data_dir, prepare_data_dir, write_server_info
from transport.logs import configure as configure_logging
from transport.server import Server

_CODES: tuple[tuple[type[Exception], Exit], ...] = (
    (DiskSyncFailed, Exit.SYNC_FAILED),
    (SyncFailed, Exit.SYNC_FAILED),
    (LogLocked, Exit.IN_USE),
    (LogDamaged, Exit.DAMAGED),
    (LogUnusable, Exit.DAMAGED),
    (DiskFull, Exit.NO),
    (Invalid, Exit.USAGE),
    (TokenError, Exit.USAGE),
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
    where = (Path(settings.data) if settings.data else default_data_dir()).absolute()
    failure: CommandFailed | None = None
    try:
        prepare_data_dir(where)
        if settings.auth == "token":
            Tokens(where).create_first()
        try:
            trio.run(_serve, settings, where)
        finally:
            lines.drain()
    except* (OSError, ValueError, TokenError, StoreError, Unrecoverable, ActorError) as group:
        failure = _failure(group, where)
    if failure is not None:  # raised out here: before 3.11.4, what an except* raises comes in a group (gh-103590)
        raise failure


async def _serve(settings: Config, data: Path) -> None:
    server = Server(settings, data)
    tls = server_context(settings.tls_cert, settings.tls_key)
    listeners = await _listen(settings.host, settings.port, "--port")
    try:
        http = await _listen(settings.host, settings.http_port, "--http-port")
    except OSError:
        for listener in listeners:
            listener.socket.close()
        raise
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_stop_on_signal, stop)
        ready = partial(_ready, listeners[0], http[0], settings, data)
        await server.run(_secured(listeners, tls), ready, stop, _secured(http, tls))
        nursery.cancel_scope.cancel()


class _NotListeningError(OSError):
    """The address cannot be had; the text says which, why, and what to do."""


async def _listen(host: str, port: int, flag: str) -> list[trio.SocketListener]:
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            remedy = "choose an address of this machine with --host"
        else:
            remedy = f"choose another port with {flag}, where 0 picks a free one"
        why = f"cannot listen on {host}:{port}: {error.strerror or error}; {remedy}"
        raise _NotListeningError(why) from error


def _secured(listeners: Sequence[trio.SocketListener], tls: ssl.SSLContext | None) -> Sequence[Listener]:
    if tls is None:
        return listeners
    # HTTP clients, and many websockets', hang up without the farewell of TLS.
    return [trio.SSLListener(listener, tls, https_compatible=True) for listener in listeners]


def _ready(ws: trio.SocketListener, http: trio.SocketListener, settings: Config, data: Path) -> None:
    secure = "s" if settings.tls_cert is not None else ""
    info = ServerInfo(
        ws=f"ws{secure}://{_address(ws, settings)}/mcp",
        http=f"http{secure}://{_address(http, settings)}",
        pid=os.getpid(),
        tls_ca=str(Path(settings.tls_ca).absolute()) if settings.tls_ca is not None else None,
    )
    write_server_info(data, info)
    garbage_collector.settle()
    line = {"event": "ready", "ws": info.ws, "http": info.http, "data": str(data), "pid": info.pid}
    print(msgspec.json.encode(line).decode(), flush=True)


def _address(listener: trio.SocketListener, settings: Config) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{listener.socket.getsockname()[1]}"


async def _stop_on_signal(stop: trio.Event, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
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
