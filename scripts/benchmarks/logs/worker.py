"""Processes that measure one store each, told from here what to do next, so that subjects take turns."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from benchmarks.logs.stores import Subject
from benchmarks.measuring.figure import Figure
from benchmarks.measuring.processes import ChildFailed, begin, last_words
from benchmarks.measuring.runner import Bench
from benchmarks.peers.installed import INSTALL


class Worker:
    """A process that measures one store; `worker_process` says what it can do.

    Args:
        process: It, with pipes for stdin and stdout.
        errors: The file that takes its stderr.
    """

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self._process = process
        self._errors = errors

    def ask(self, what: str, *arguments: str | int) -> list[float]:
        """Have something done and return what was observed.

        Raises:
            ChildFailed: The process ended instead.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode([what, *arguments]).decode() + "\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self.heard(), type=list[float])

    def heard(self) -> str:
        """Return the next line that the process writes.

        Raises:
            ChildFailed: The process ended instead.
        """
        assert self._process.stdout is not None
        if line := self._process.stdout.readline():
            return line
        raise ChildFailed(f"a process that measures a store ended: {last_words(self._errors)}")


def settings_of(subject: Subject) -> dict[str, str]:
    """Return the variables that a store's process has besides."""
    return {"MOOTHALL_PURE": "1"} if subject.pure else {}


@contextmanager
def working(bench: Bench, subject: Subject) -> Generator[Worker | None]:
    """Run a process for a store until the block ends, then kill it: whatever it has open then has crashed.

    Yields:
        The process, or None if what it needs is not installed.
    """
    errors = bench.directory / "errors"
    arguments = ["-m", "benchmarks.logs.worker_process", subject.module]
    with begin(arguments, errors, stdin=subprocess.PIPE, settings=settings_of(subject)) as process:
        try:
            worker = Worker(process, errors)
            missing = msgspec.json.decode(worker.heard(), type=str)
            if missing:
                bench.note(f"{subject.name}: not measured, {missing} is not installed; {INSTALL}")
            yield None if missing else worker
        finally:
            process.kill()


@contextmanager
def crew(bench: Bench, subjects: Sequence[Subject]) -> Generator[dict[str, Worker]]:
    """Run a process for each store that is installed, by its name."""
    with ExitStack() as stack:
        started = {subject.name: stack.enter_context(working(bench, subject)) for subject in subjects}
        yield {name: worker for name, worker in started.items() if worker is not None}


def absent(suite: str, subjects: Sequence[Subject], present: dict[str, Worker]) -> Iterator[Figure]:
    """Yield a row for each store that could not be measured."""
    for subject in subjects:
        if subject.name not in present:
            yield Figure(
                suite=suite,
                work=f"not measured, not installed: {INSTALL}",
                subject=subject.name,
                value=0,
                unit="figures",
                better="higher",
                durability=None,
                spread=(0, 0),
                runs=0,
            )
