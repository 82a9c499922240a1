"""The `moothall` command's start: what runs often, many at once or for long goes past the command line library."""

from __future__ import annotations

import os
import sys

from transport.cli import garbage_collector


def main() -> None:
    """Run `hook AGENT`, `connect` and `serve` with plain arguments at once, all else as `transport.cli.main` does."""
    match sys.argv[1:]:
        case ["hook", *words] if words:
            _hook(words)
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


def _hook(words: list[str]) -> None:
    from transport.cli.agents.hook_start import __file__ as isolated  # noqa: PLC0415 - only what this run needs
    from transport.cli.agents.hook_start import start  # noqa: PLC0415 - likewise
    from transport.cli.agents.hook_words import told  # noqa: PLC0415 - likewise

    if told(words) is None:
        _run()
        return
    if os.environ.get("PYTHONPATH") and not sys.flags.isolated:
        # What lies there comes before the standard library: start again without it, before anything else is imported.
        try:
            os.execv(sys.executable, [sys.executable, "-I", "-S", isolated, *words])  # noqa: S606 - our own file
        except OSError as error:
            sys.stderr.write(f"moothall: cannot start {sys.executable} without PYTHONPATH: {error}\n")
            sys.exit(2)
    garbage_collector.spare()
    start(words)


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
