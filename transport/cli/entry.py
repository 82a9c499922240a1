"""The `moothall` command's start: what runs often, many at once or for long goes past the command line library."""

from __future__ import annotations

import sys
from typing import Literal

from transport.cli import garbage_collector


def main() -> None:
    """Run `hook AGENT`, `connect` and `serve` with plain arguments at once, all else as `transport.cli.main` does."""
    match sys.argv[1:]:
        case ["hook", ("claude-code" | "codex") as agent, *words]:
            _hook(agent, words)
        case ["connect"]:
            _connect(None, None)
        case ["connect", "--token", token]:
            _connect(None, token)
        case ["connect", url] if not url.startswith("-"):
            _connect(url, None)
        case ["connect", url, "--token", token] if not url.startswith("-"):
            _connect(url, token)
        case ["serve", *words]:
            _serve(words)
        case _:
            _run()


def _run() -> None:
    from transport.cli.main import main as run  # noqa: PLC0415 - only what this run needs

    run()


def _hook(agent: Literal["claude-code", "codex"], words: list[str]) -> None:
    from transport.cli.agents.hook import hook, plain  # noqa: PLC0415 - only what this run needs

    told = plain(words)
    if told is None:
        _run()
        return
    garbage_collector.spare()
    hook(agent, **told)


def _connect(url: str | None, token: str | None) -> None:
    garbage_collector.spare()
    from transport.cli.agents.connect import connect  # noqa: PLC0415 - only what this run needs
    from transport.cli.failure import CommandFailed, fail  # noqa: PLC0415 - likewise

    try:
        connect(url, token=token)
    except CommandFailed as failed:
        fail(failed.code, str(failed))


def _serve(words: list[str]) -> None:
    from transport.cli.failure import CommandFailed, fail  # noqa: PLC0415 - only what this run needs
    from transport.cli.server.serve import plain, serve  # noqa: PLC0415 - likewise

    told = plain(words)
    if told is None:
        _run()
        return
    try:
        serve(**told)
    except CommandFailed as failed:
        fail(failed.code, str(failed))
