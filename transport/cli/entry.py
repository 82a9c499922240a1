"""The `moothall` command's start: what agents start, often and many at once, goes past the command line library."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `moothall hook AGENT` and `moothall connect` at once, and everything else as `transport.cli.main` does."""
    match sys.argv[1:]:
        case ["hook", ("claude-code" | "codex") as agent]:
            from transport.cli.hook import hook  # noqa: PLC0415 - only what this run needs

            hook(agent)
        case ["connect"]:
            _connect(None, None)
        case ["connect", "--token", token]:
            _connect(None, token)
        case ["connect", url] if not url.startswith("-"):
            _connect(url, None)
        case ["connect", url, "--token", token] if not url.startswith("-"):
            _connect(url, token)
        case _:
            from transport.cli.main import main as run  # noqa: PLC0415 - likewise

            run()


def _connect(url: str | None, token: str | None) -> None:
    from transport.cli.connect import connect  # noqa: PLC0415 - only what this run needs
    from transport.cli.failure import CommandFailed, fail  # noqa: PLC0415 - likewise

    try:
        connect(url, token=token)
    except CommandFailed as failed:
        fail(failed.code, str(failed))
