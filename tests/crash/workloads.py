"""What is done to a log while a crash is waited for: `python workloads.py WORK HOME POLICY [WRONG]`.

Each does its work in a home directory and tells, as it goes, what it has been promised: `acknowledged N`, the event N
was acknowledged; `safe N`, it must survive a power cut too; and likewise for backups, archives and snapshots. Event N
holds the number N, so that what is found afterwards can be judged without knowing what was done. WRONG makes the log
break one of its promises, to show that whoever judges notices.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from store import (
    Append,
    DiskFull,
    EventLog,
    Limits,
    NewEvent,
    Projection,
    Retention,
    Snapshots,
    StoreError,
    View,
    backup,
    export_events,
    import_events,
    repair,
)
from store.disk import files
from store.format.segment_files import segment_names

Tell = Callable[[str], None]

LIMITS = Limits(segment_bytes=900, reserve_bytes=100)
sync = os.fdatasync
COUNT = Projection("count", int, lambda state, _: state + 1, int)


def append_of(first: int, size: int = 1) -> Append:
    """Return the append that stores event `first`, 1 or more, and those behind it."""
    events = [
        NewEvent(type=f"t{n % 3}", data={"n": n, "first": first, "size": size}, correlation_id=f"c{n % 4}")
        for n in range(first, first + size)
    ]
    return Append(events=events, agent="local", stream=f"s{first % 2}", command_id=f"k{first}")


def opened(home: Path, policy: str) -> EventLog:
    return EventLog.open(home / "log", policy, limits=LIMITS, sync=sync)


def promise(log: EventLog, tell: Tell) -> None:
    """Tell what the log promises to keep now."""
    promised = log.stats().fsync in {"always", "group"}
    tell(f"epoch {int(log.epoch, 16)}")
    tell(f"acknowledged {log.head}")
    tell(f"safe {log.head if promised else log.stats().durable}")


def store(log: EventLog, tell: Tell, sizes: tuple[int, ...]) -> None:
    """Commit appends of so many events each as one group."""
    number, appends = log.head + 1, []
    for size in sizes:
        appends.append(append_of(number, size))
        number += size
    for outcome in log.commit(appends):
        if isinstance(outcome, StoreError):
            raise outcome
    promise(log, tell)


def overlap(log: EventLog, tell: Tell) -> None:
    """Stage two groups, and read while a thread flushes them."""
    first = log.steps.stage([append_of(log.head + 1, 2)])
    second = log.steps.stage([append_of(log.head + 3)])
    with ThreadPoolExecutor(1) as thread:
        for group in (first, second):
            flushing = thread.submit(log.steps.flush, group)
            assert [each.data["n"] for each in log.read()] == list(range(1, log.head + 1))
            flushing.result()
            log.steps.settle(group)
            promise(log, tell)


def fill(home: Path, policy: str, tell: Tell, rounds: int = 5) -> None:
    """Append in groups, large and small, so that segments fill and are sealed; then stop."""
    with opened(home, policy) as log:
        promise(log, tell)
        for _ in range(rounds):
            store(log, tell, (1,))
            store(log, tell, (1, 3, 1))
            overlap(log, tell)
            log.step()
        head = log.head
    tell(f"safe {head}")


def twice(home: Path, policy: str, tell: Tell) -> None:
    """Fill, stop, go on, stop."""
    for _ in range(2):
        fill(home, policy, tell, 2)


def fill_up(home: Path, policy: str, tell: Tell) -> None:
    """Append until the disk is full, read, and stop cleanly."""
    with EventLog.open(home / "log", policy, limits=Limits(segment_bytes=9000, reserve_bytes=65536)) as log:
        with suppress(DiskFull):
            while True:
                store(log, tell, (1, 3, 2))
        assert [each.data["n"] for each in log.read()] == list(range(1, log.head + 1))
        assert log.query(stream="s1").events
    tell("full 1")


def abandon(home: Path, policy: str, tell: Tell) -> None:
    """Append, and die without a word."""
    log = opened(home, policy)
    for _ in range(4):
        store(log, tell, (1, 2))
    os._exit(0)


def reopen(home: Path, policy: str, tell: Tell) -> None:
    """Open what another process has left, and go on: recovery is itself interrupted."""
    with opened(home, policy) as log:
        promise(log, tell)
        store(log, tell, (2, 1))
    tell(f"safe {log.head}")


def back_up(home: Path, policy: str, tell: Tell) -> None:
    """Back up again and again while the log grows and lets go of its beginning."""
    with opened(home, policy) as log:
        for turn in range(4):
            store(log, tell, (1, 2, 1))
            if turn == 3:
                log.retire(Retention(max_bytes=1200))
            done = backup(home / "log", home / "backup")
            tell(f"backup {done.last_sequence}")


def retire(home: Path, policy: str, tell: Tell) -> None:
    """Archive the oldest segments, twice."""
    with EventLog.open(home / "log", policy, limits=Limits(segment_bytes=600, reserve_bytes=100, commands=2)) as log:
        for _ in range(2):
            for _ in range(6):
                store(log, tell, (1,))
            log.retire(Retention(max_bytes=1300), archive=home / "archive")
            promise(log, tell)


def photograph(home: Path, policy: str, tell: Tell) -> None:
    """Save snapshots of a projection."""
    with opened(home, policy) as log:
        view = View(log, COUNT, Snapshots(home / "snapshots", keep=2))
        for _ in range(4):
            store(log, tell, (2,))
            view.catch_up()
            view.save()
            tell(f"snapshot {view.sequence}")


def bring_in(home: Path, policy: str, tell: Tell) -> None:
    """Import."""
    source = io.BytesIO()
    with opened(home, policy) as log:
        store(log, tell, (1, 3, 2, 2, 4, 1))
        export_events(log.read(), source)
    source.seek(0)
    done = import_events(home / "import", source, limits=LIMITS)
    tell(f"import {done.last_sequence}")


def mend(home: Path, policy: str, tell: Tell) -> None:
    """Repair a log in whose second segment a byte is wrong."""
    with opened(home, policy) as log:
        for _ in range(4):
            store(log, tell, (1, 2))
    second = home / "log" / segment_names(home / "log")[1]
    tell("damaged 1")
    with second.open("r+b") as file:
        file.seek(200)
        file.write(b"?")
        file.flush()
        os.fsync(file.fileno())
    repair(home / "log", max_events=1000)
    tell("repaired 1")


def erase(home: Path, policy: str, tell: Tell) -> None:
    """Erase a stream whose events lie in complete segments and in the last one, then stop."""
    with opened(home, policy) as log:
        for _ in range(4):
            store(log, tell, (1, 2, 1))
        tell(f"erasing {log.head}")
        log.erase("s1")
        tell("erased 1")


WORK = {
    work.__name__: work
    for work in (fill, fill_up, twice, abandon, reopen, back_up, retire, photograph, bring_in, mend, erase)
}


def _deaf(_fd: int) -> None:
    """Sync nothing."""


def _early(log: EventLog, tell: Tell, sizes: tuple[int, ...]) -> None:
    tell(f"acknowledged {log.head + sum(sizes)}")
    _store(log, tell, sizes)


_store = store

WRONG: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "no fdatasync": lambda: globals().update(sync=_deaf),
    "words before deeds": lambda: globals().update(store=_early),
    "no fsync": lambda: setattr(os, "fsync", _deaf),
    "no directory sync": lambda: _replace("sync_path", lambda _path: None),
    "no sync of what replaces a file": lambda: _replace("put_file", _without_sync(files.put_file)),
}


def _without_sync(put_file: Callable[..., None]) -> Callable[..., None]:
    return lambda path, content, *, durably=True: put_file(path, content, durably=False)


def _replace(name: str, replacement: object) -> None:
    """Give every module of the log another function of this name."""
    for module in [module for key, module in sys.modules.items() if key.startswith("store.")]:
        if hasattr(module, name):
            setattr(module, name, replacement)


@contextmanager
def teller() -> Iterator[Tell]:
    """Tell through the disk itself, in order with what is written, or on stdout where the disk does not listen."""
    home = os.environ.get("RECORDING_DISK")
    if home is not None:
        yield lambda text: os.setxattr(home, "user.say", text.encode())
    else:
        yield lambda text: print(text, flush=True)


def main(work: str, home: str, policy: str, wrong: str = "") -> None:
    WRONG[wrong]()
    with teller() as tell:
        WORK[work](Path(home), policy, tell)


if __name__ == "__main__":
    main(*sys.argv[1:])
