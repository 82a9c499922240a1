"""Other processes: peers and servers run in their own, as they do in life."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

_STOP_S = 20.0


class ChildFailed(Exception):  # noqa: N818 - states what the process did
    """A process that a benchmark needs ended, or said nothing; the text holds its last words."""


def environment() -> dict[str, str]:
    """Return this process's environment without settings meant for another server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MOOTHALL_")}


def said_by(arguments: Sequence[str]) -> str:
    """Run `python ARGUMENTS` to its end and return what it wrote on stdout.

    Raises:
        ChildFailed: It did not exit with 0.
    """
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())  # noqa: S603 - own modules
    if done.returncode:
        raise ChildFailed(f"{' '.join(arguments)} exited with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


@contextmanager
def child(arguments: Sequence[str], errors: Path) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Run `python ARGUMENTS` until the block ends.

    Args:
        arguments: A module and its arguments, or code.
        errors: The file that takes its stderr.

    Yields:
        The process and the first line that it wrote on stdout, which says that it is ready.

    Raises:
        ChildFailed: It ended before it was ready.
    """
    with errors.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(  # noqa: S603 - own modules
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment(),
        )
    with process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            if not ready:
                last_words = errors.read_text(encoding="utf-8").strip()[-2000:]
                raise ChildFailed(f"{' '.join(arguments)} ended before it was ready: {last_words}")
            yield process, ready
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
