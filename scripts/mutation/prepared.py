"""Runs pytest again and again, each time in a child of a process that has imported what never changes.

A new process for each bug would spend 1.5 s on imports before its first test; a child of this one spends 0.3 s, on the
product alone. Told over its standard input, a JSON line for each run; it answers with a line.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

Outcome = Literal["found", "survived", "timeout"]

_IMPORTED: Final = (
    "pytest", "pytest_trio", "trio", "msgspec", "hypothesis", "mcp.server", "mcp.client", "starlette.applications",
    "hypercorn.trio", "trio_websocket", "tree_sitter_bash", "jsonschema", "rich.console", "cyclopts", "re2",
)  # fmt: skip
_BESIDE: Final = ("--basetemp", "../t")
"""Where tests write: beside the copy, so that it goes with it; the child ends without tidying up."""

_QUIET: Final = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""What is imported already is no longer rewritten; there are no assertions of ours in it."""

_TICK_S: Final = 0.02
_ALL_PASSED: Final = 0


class Run(msgspec.Struct):
    """What to run.

    Attributes:
        tests: Names of tests or files, as pytest takes them.
        seconds: How long all of them may take: a bug may also be noticed by its never ending.
    """

    tests: list[str]
    seconds: float


def main() -> None:
    """Run what comes in until nothing more does."""
    for name in _IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin.buffer:
        outcome = _outcome(msgspec.json.decode(line, type=Run))
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()


def _outcome(run: Run) -> Outcome:
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        _run_tests(run.tests)
    with suppress(PermissionError):
        os.setpgid(child, child)
    deadline = time.monotonic() + run.seconds
    status: int | None = None
    while status is None and time.monotonic() < deadline:
        ended, result = os.waitpid(child, os.WNOHANG)
        status = os.waitstatus_to_exitcode(result) if ended else None
        if not ended:
            time.sleep(_TICK_S)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # with whatever it has started
    if status is None:
        os.waitpid(child, 0)
        return "timeout"
    return "survived" if status == _ALL_PASSED else "found"


def _run_tests(tests: list[str]) -> None:
    log = os.open("pytest.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, stands_for in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, stands_for)
    code = 1
    try:
        pytest = importlib.import_module("pytest")
        options = ["-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--hypothesis-seed=0", *_BESIDE, *_QUIET]
        code = int(pytest.main([*options, *tests]))
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    assert Path("pyproject.toml").exists(), "runs in a copy of the checkout"
    main()
