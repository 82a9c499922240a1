"""Other processes: peers and servers run in their own, as they do in life."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_SCRIPTS = Path(__file__).parents[2]
_STOP_S = 20.0
"""How long a process may take to stop before it is killed: a hall drains and syncs in less."""

_LAST_CHARACTERS = 2000
"""How much of what a process said is shown: the end of a traceback, not a log."""


class ChildFailed(Exception):  # noqa: N818 - states what the process did
    """A process that a benchmark needs ended, or said nothing; the text holds its last words."""


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with our modules on its path, and only the settings of ours that are given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MOOTHALL_")}
    return kept | {"PYTHONPATH": str(_SCRIPTS)} | dict(settings or {})


def said_by(arguments: Sequence[str], settings: Mapping[str, str] | None = None) -> str:
    """Run `python ARGUMENTS` to its end and return what it wrote on stdout.

    Raises:
        ChildFailed: It did not exit with 0.
    """
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(settings))
    if done.returncode:
        raise ChildFailed(
            f"{' '.join(arguments)} exited with {done.returncode}: {done.stderr.strip()[-_LAST_CHARACTERS:]}"
        )
    return done.stdout


def begin(
    arguments: Sequence[str],
    errors: Path,
    *,
    stdin: int = subprocess.DEVNULL,
    settings: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Begin `python ARGUMENTS`, with a pipe for its stdout.

    Args:
        arguments: A module and its arguments, or code.
        errors: The file that takes its stderr.
        stdin: What it reads, as `subprocess.Popen` takes it.
        settings: Variables that its environment has besides.
    """
    with errors.open("w", encoding="utf-8") as stderr:
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment(settings),
        )


def last_words(errors: Path) -> str:
    """Return the end of what a process wrote on stderr."""
    return _end_of(errors.read_text(encoding="utf-8"))


def _end_of(text: str) -> str:
    return text.strip()[-_LAST_CHARACTERS:]


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
    with begin(arguments, errors) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            if not ready:
                raise ChildFailed(f"{' '.join(arguments)} ended before it was ready: {last_words(errors)}")
            yield process, ready
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
