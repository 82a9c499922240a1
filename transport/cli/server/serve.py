"""`moothall serve`: what it can be told. What it does is `transport.cli.server.server_process`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from transport.cli import garbage_collector
from transport.cli.failure import CommandFailed, Exit
from transport.config import ConfigError, load


def serve(
    *,
    data: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    http_port: int | None = None,
    config: Path | None = None,
    auth: Literal["token", "none"] | None = None,
    fsync: str | None = None,
    seal: Path | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    tls_ca: Path | None = None,
) -> None:
    """Run the server until SIGTERM or SIGINT; prints one JSON line when it accepts work.

    Args:
        data: The data directory; by default .moothall/ at the root of the git checkout, else the user's data directory.
        host: The address to listen on.
        port: The websocket's port; 0 picks a free one.
        http_port: The HTTP listener's port; 0 picks a free one.
        config: A TOML file with the same keys as these flags.
        auth: Whether connections need a token; `none` makes everybody on loopback the admin `local`.
        fsync: always, group, interval:MS or never.
        seal: A file with a secret that every append is sealed with, for `events verify --seal` to check.
        tls_cert: A PEM file with the certificate that both listeners show; they speak TLS alone then.
        tls_key: A PEM file with its private key.
        tls_ca: A PEM file that the clients on this machine trust the certificate by; by default what the system trusts.
    """
    flags = {
        "data": str(data) if data else None,
        "host": host,
        "port": port,
        "http_port": http_port,
        "auth": auth,
        "fsync": fsync,
        "seal": str(seal) if seal else None,
        "tls_cert": str(tls_cert) if tls_cert else None,
        "tls_key": str(tls_key) if tls_key else None,
        "tls_ca": str(tls_ca) if tls_ca else None,
    }
    try:
        settings = load(config, os.environ, flags)
    except ConfigError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    garbage_collector.spare()
    from transport.cli.server.server_process import run  # noqa: PLC0415 - all of the server; `--help` and mistakes need none of it

    run(settings)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(text)
    return int(text)


def _auth(text: str) -> str:
    if text not in {"token", "none"}:
        raise ValueError(text)
    return text


_FLAGS: Final[dict[str, Callable[[str], Any]]] = {
    "--data": Path,
    "--host": str,
    "--port": _number,
    "--http-port": _number,
    "--config": Path,
    "--auth": _auth,
    "--fsync": str,
    "--seal": Path,
    "--tls-cert": Path,
    "--tls-key": Path,
    "--tls-ca": Path,
}


def plain(words: Sequence[str]) -> dict[str, Any] | None:
    """Return what `serve` is told, where it is told by `--flag value` alone.

    Returns:
        The keyword arguments; None where the command line library must look: for help, other forms, and mistakes.
    """
    names, values = words[::2], words[1::2]
    if len(names) != len(values) or len({*names}) != len(names) or any(value.startswith("-") for value in values):
        return None
    try:
        return {
            name.removeprefix("--").replace("-", "_"): _FLAGS[name](value)
            for name, value in zip(names, values, strict=True)
        }
    except (KeyError, ValueError):
        return None
