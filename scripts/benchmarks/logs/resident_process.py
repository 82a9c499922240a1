"""A process that does something and says how much memory it then holds. Linux.

Usage: python -m benchmarks.logs.resident_process import MODULE...
       python -m benchmarks.logs.resident_process start log|sqlite DIRECTORY
       python -m benchmarks.logs.resident_process fill log|sqlite DIRECTORY COUNT

prints resident set sizes in bytes: after the imports; before a library is imported and after a log of it is open;
before COUNT events are appended to an open log and after. Whatever is not needed to measure is imported late, so that
it does not count as there already.
"""

import importlib
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring.resident import resident_bytes

if TYPE_CHECKING:
    from benchmarks.logs.stores import Appending

PAGE = 1_000
"""How many events are made and appended at a time: so few that their own memory does not count beside the log's."""


def main(what: str, *arguments: str) -> None:
    """Do it and print the figures, on one line."""
    works: dict[str, Callable[..., list[int]]] = {"import": after_imports, "start": around_start, "fill": around_fill}
    sys.stdout.write(" ".join(map(str, works[what](*arguments))) + "\n")


def after_imports(*modules: str) -> list[int]:
    """Import modules by name."""
    for module in modules:
        importlib.import_module(module)
    return [resident_bytes()]


def around_start(library: str, directory: str) -> list[int]:
    """Import a library and open an empty log of it, in a process that has msgspec already, as each of ours does."""
    importlib.import_module("msgspec")

    before = resident_bytes()
    if library == "log":
        from store import EventLog  # noqa: PLC0415 - see above

        with EventLog.open(directory):
            return [before, resident_bytes()]
    import sqlite3  # noqa: PLC0415 - see above

    connection = sqlite3.connect(Path(directory) / "events.sqlite")
    connection.execute("PRAGMA journal_mode=WAL")
    return [before, resident_bytes()]


def around_fill(library: str, directory: str, count: str) -> list[int]:
    """Open a log and append events to it."""
    from benchmarks.logs import our_log, workload  # noqa: PLC0415 - see above
    from benchmarks.peers.sqlite_log import DEFAULT_CACHE_KB, SqliteLog  # noqa: PLC0415 - see above

    with ExitStack() as opened:
        if library == "log":
            store: Appending = opened.enter_context(our_log.open_store(Path(directory), "never"))
        else:
            path = Path(directory) / "events.sqlite"
            store = opened.enter_context(SqliteLog(path, durable=False, cache_kb=DEFAULT_CACHE_KB))
        workload.events(PAGE)
        before = resident_bytes()
        for start in range(0, int(count), PAGE):
            store.append(workload.events(min(PAGE, int(count) - start), seed=start), agent=workload.AGENTS[0])
        return [before, resident_bytes()]


if __name__ == "__main__":
    main(*sys.argv[1:])
