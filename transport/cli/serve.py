"""`moothall serve`: the server as a process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, Literal

import msgspec
import structlog
import trio

from actors.event_store.actor import DiskSyncFailed
from actors.kernel import cause, contains, first
from store import LogDamaged, LogLocked, StoreError
from transport.auth import TokenError, create_first_tokens
from transport.cli.failure import CommandFailed, Exit
from transport.config import Config, ConfigError, load
from transport.places import ServerInfo, default_data_dir, prepare_data_dir, write_server_info
from transport.server import Server


def serve(
    *,
    data: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    config: Path | None = None,
    auth: Literal["token", "none"] | None = None,
    fsync: str | None = None,
) -> None:
    """Run the server until SIGTERM or SIGINT; prints one JSON line when it accepts work.

    Args:
        data: The data directory; by default .moothall/ at the root of the git checkout, else the user's data directory.
        host: The address to listen on.
        port: The websocket's port; 0 picks a free one.
        config: A TOML file with the same keys as these flags.
        auth: Whether connections need a token; `none` makes everybody on loopback the admin `local`.
        fsync: always, group, interval:MS or never.
    """
    flags = {"data": str(data) if data else None, "host": host, "port": port, "auth": auth, "fsync": fsync}
    try:
        settings = load(config, os.environ, flags)
    except ConfigError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    _configure_logging()
    where = (Path(settings.data) if settings.data else default_data_dir()).absolute()
    try:
        prepare_data_dir(where)
        if settings.auth == "token":
            create_first_tokens(where)
        trio.run(_serve, settings, where)
    except* (OSError, ValueError, TokenError, StoreError, DiskSyncFailed) as group:
        raise _failure(group, settings, where) from group


async def _serve(settings: Config, data: Path) -> None:
    server = Server(settings, data)
    listeners = await trio.open_tcp_listeners(settings.port, host=settings.host)
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_stop_on_signal, stop)
        await server.run(list(listeners), lambda: _ready(listeners[0], settings, data), stop)
        nursery.cancel_scope.cancel()


def _ready(listener: trio.SocketListener, settings: Config, data: Path) -> None:
    port = listener.socket.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    info = ServerInfo(ws=f"ws://{host}:{port}/mcp", pid=os.getpid())
    write_server_info(data, info)
    line: dict[str, Any] = {"event": "ready", "ws": info.ws, "data": str(data), "pid": info.pid}
    print(msgspec.json.encode(line).decode(), flush=True)


async def _stop_on_signal(stop: trio.Event, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            stop.set()


def _failure(error: BaseExceptionGroup[Exception], settings: Config, data: Path) -> CommandFailed:
    for kind, code in (
        (DiskSyncFailed, Exit.SYNC_FAILED),
        (LogLocked, Exit.IN_USE),
        (LogDamaged, Exit.DAMAGED),
    ):
        if contains(error, kind):
            return CommandFailed(code, str(first(error, kind)))
    if contains(error, OSError):
        where = f"{data} on {settings.host}:{settings.port}"
        return CommandFailed(Exit.NO, f"cannot serve {where}: {first(error, OSError)}; choose another")
    return CommandFailed(Exit.USAGE, str(cause(error)))


def _configure_logging() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
