"""`moothall events repair|export|import|backup|retire|stats`: the care of a log.

What reads or rewrites whole files works on a data directory of this machine; `export` goes through the server as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
from cyclopts import Parameter

from store import Encoding, EventLog, archive_of, import_events, keep
from store import backup as backup_log
from store import repair as repair_log
from store import stats as stats_of
from store.model.times import to_rfc3339
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import existing, prepared
from transport.cli.log_source import HERE, Where, checked, seal_key
from transport.visible import visible, visible_json

STREAM = "-"
"""Stands for stdin or stdout where a file is asked for."""


def repair(*, data: Path | None = None, max_events: int = 0, json: bool = False) -> None:
    """Make a damaged log usable again: cut it before the damage, and put what is removed beside it.

    Args:
        data: The data directory.
        max_events: Remove at most so many events; with 0, only say how many it would take.
        json: Print what was done as one JSON object.
    """
    where = existing(data)
    done = checked(lambda: repair_log(where, max_events=max_events))
    if json:
        _line(done)
    elif done.derived:
        print(f"{where}: removed {', '.join(done.derived)}, which said otherwise than the log; it is made again")
    elif done.problem is None:
        print(f"{where}: nothing is damaged, nothing was changed; {done.last_sequence} events")
    else:
        print(f"{visible(done.problem)}\nremoved {done.events} events; they are in {done.removed}")


def export(
    target: Annotated[str, Parameter(allow_leading_hyphen=True)] = STREAM,
    *,
    format: Encoding = "jsonl",  # noqa: A002 - the flag's name
    after: int = 0,
    where: Where = HERE,
    json: bool = False,
) -> None:
    """Write every event, one after another.

    Args:
        target: The file to write; - is stdout.
        format: jsonl, one JSON object a line, or msgpack.
        after: Events with a greater sequence.
        where: Which log is meant.
        json: Where the events go into a file, print what was done as one JSON object.
    """
    access = where.access()
    if target == STREAM:
        access.export(sys.stdout.buffer, format, after)
        sys.stdout.buffer.flush()
        return
    with _replaced(Path(target)) as file:
        count = access.export(file, format, after)
    if json:
        _line({"events": count, "file": target})
    else:
        print(f"{count} events in {target}")


def import_log(
    source: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    format: Encoding = "jsonl",  # noqa: A002 - the flag's name
    data: Path | None = None,
    seal: Path | None = None,
    json: bool = False,
) -> None:
    """Bring exported events into a log, with their sequences, times and agents; what it has already is skipped.

    Args:
        source: The file to read; - is stdin.
        format: jsonl or msgpack, as it was exported.
        data: The data directory; no server may be using it.
        seal: The key file of a sealed log.
        json: Print what was done as one JSON object.
    """
    where, key = prepared(data), seal_key(seal)
    with _opened(source) as file:
        try:
            done = checked(lambda: import_events(where, file, encoding=format, seal_key=key))
        except OSError as error:
            raise CommandFailed(Exit.NO, f"cannot import {source} into {where}: {error}") from None
    if json:
        _line(done)
    else:
        print(f"{where}: {done.stored} of {done.events} events were new; the last one is {done.last_sequence}")


def stats(*, data: Path | None = None, json: bool = False) -> None:
    """Print the log in figures; also while a server runs.

    Args:
        data: The data directory.
        json: Print the figures as one JSON object.
    """
    where = existing(data)
    figures = checked(lambda: stats_of(where))
    shown: dict[str, Any] = msgspec.to_builtins(figures)
    for name in ("first_time", "last_time"):
        time_ns = shown.pop(f"{name}_ns")
        shown[name] = None if time_ns is None else to_rfc3339(time_ns)
    if json:
        _line(shown)
        return
    if not figures.warning:
        del shown["warning"]
    for name, counts in (("types", figures.types), ("agents", figures.agents)):
        shown[name] = ", ".join(f"{key} {count}" for key, count in counts.items())
    for name, value in shown.items():
        print(f"{name:>16}  {visible(str(value))}")


def backup(target: Path, *, data: Path | None = None, json: bool = False) -> None:
    """Bring a backup up to date, or make one; also while a server runs. To restore, use it as a data directory.

    Args:
        target: The backup's directory.
        data: The data directory.
        json: Print what was done as one JSON object.
    """
    where = existing(data)
    try:
        done = checked(lambda: backup_log(where, target))
    except OSError as error:
        raise CommandFailed(Exit.NO, f"cannot back up {where} to {target}: {error}; choose another directory") from None
    if json:
        _line(done)
    else:
        print(f"{target}: {done.last_sequence} events; wrote {done.written} of {done.segments} segments")


def retire(
    *,
    max_days: float | None = None,
    max_bytes: int | None = None,
    archive: str | None = None,
    data: Path | None = None,
    seal: Path | None = None,
    json: bool = False,
) -> None:
    """Let the oldest complete segments leave the log; no server may be using it.

    Args:
        max_days: Segments whose events are all older than so many days leave.
        max_bytes: The oldest segments leave while all take more than this.
        archive: A directory for a packed copy of each segment that leaves, by default archive/ in the data directory;
            `drop` keeps no copy.
        data: The data directory.
        seal: The key file of a sealed log.
        json: Print what was done as one JSON object.
    """
    where, key = existing(data), seal_key(seal)
    policy = keep(days=max_days, size=max_bytes)
    with checked(lambda: EventLog.open(where, seal_key=key)) as log:
        done = checked(lambda: log.retire(policy, archive=archive_of(archive, where)))
    if json:
        _line(done)
    else:
        print(f"{where}: {done.events} events in {done.segments} segments left; it begins with {done.first_sequence}")


@contextmanager
def _replaced(path: Path) -> Generator[BinaryIO]:
    """Open a file that takes its name only once it is whole, and that its owner alone reads: a log holds inputs."""
    draft = path.with_name(path.name + ".new")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            yield file
        draft.replace(path)
    except OSError as error:
        raise CommandFailed(Exit.NO, f"cannot write {path}: {error}") from None
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _opened(source: str) -> Generator[BinaryIO]:
    if source == STREAM:
        yield sys.stdin.buffer
        return
    try:
        with Path(source).open("rb") as file:
            yield file
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"cannot read {source}: {error}") from None


def _line(value: Any) -> None:
    print(visible_json(value), flush=True)
