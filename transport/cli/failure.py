"""How a command fails: an exit code of the contract and one line that says what, where and what to do."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import NoReturn


class Exit(IntEnum):
    """The contract's exit codes."""

    OK = 0
    NO = 1
    USAGE = 2
    UNREACHABLE = 3
    IN_USE = 4
    DAMAGED = 5
    SYNC_FAILED = 6


class CommandFailed(Exception):  # noqa: N818 - it is the command that failed
    """Ends the command with an exit code and one line on stderr.

    Args:
        code: The exit code.
        message: What went wrong, where, and what to do.
    """

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


def fail(code: Exit, message: str) -> NoReturn:
    """End the program with an exit code and one line on stderr."""
    from transport.visible import visible  # noqa: PLC0415 - a hook starts without what this needs

    print(f"moothall: {visible(message)}", file=sys.stderr)
    sys.exit(code)
