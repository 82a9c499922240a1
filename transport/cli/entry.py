"""The `moothall` command's start: hooks, which run before every tool call, go past the command line library."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `moothall hook AGENT` at once, and everything else as `transport.cli.main` does."""
    match sys.argv[1:]:
        case ["hook", ("claude-code" | "codex") as agent]:
            from transport.cli.hook import hook  # noqa: PLC0415 - only what this run needs

            hook(agent)
        case _:
            from transport.cli.main import main as run  # noqa: PLC0415 - likewise

            run()
