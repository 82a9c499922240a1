"""Judges what a crash left, by what the program had been promised before it (`workloads`)."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from store import Event, EventLog, Snapshots, View, repair, verify
from store.erasing.erasure import ERASED

from workloads import COUNT, LIMITS, append_of


def promised(said: Iterable[bytes]) -> dict[str, int]:
    """Return the last promise of each kind."""
    return {kind: int(number) for kind, number in (remark.decode().split() for remark in said)}


def nothing(_fd: int) -> None:
    """What is left is looked at, not put at risk: thousands of syncs would only take time."""


def judge(home: Path, said: Iterable[bytes], *, powerless: bool) -> None:
    """Check everything in a home directory.

    Raises:
        AssertionError, StoreError, OSError: a promise was broken.
    """
    promises = promised(said)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", nothing)
        if "damaged" in promises:
            _judge_repair(home / "log", repaired="repaired" in promises)
            return
        if "erasing" in promises:
            _judge_erasing(home / "log", promises["erasing"], done="erased" in promises)
            return
        _judge_log(home / "log", promises, promises.get("safe" if powerless else "acknowledged", 0))
        if (home / "archive").exists():
            _judge_archive(home)
        if (home / "snapshots").exists():
            _judge_snapshots(home, promises.get("snapshot", 0))
        for copy in ("backup", "import"):
            if (home / copy).exists():
                _judge_log(home / copy, {}, promises.get(copy, 0), commands=copy == "backup")


def _judge_log(path: Path, promises: dict[str, int], least: int, *, commands: bool = True) -> None:
    with EventLog.open(path, limits=LIMITS, sync=nothing) as log:
        assert log.head >= least, f"{path.name} ends with event {log.head}, and {least} had been promised"
        if log.head < promises.get("acknowledged", 0):
            assert int(log.epoch, 16) != promises["epoch"], "events are lost, and cursors are not told"
        events = list(log.read())
        _judge_events(log, events)
        for first, size in dict.fromkeys((each.data["first"], each.data["size"]) for each in events):
            assert first >= log.first_sequence, f"append {first} was cut at its beginning"
            assert first + size <= log.head + 1, f"append {first} was cut at its end"
            if commands:
                (outcome,) = log.commit([append_of(first, size)])
                assert (outcome.deduplicated, outcome.first_sequence) == (True, first), "a command was forgotten"
        (appended,) = log.commit([append_of(log.head + 1)])
        assert appended.first_sequence == log.head
    assert verify(path).problems == []


def _judge_events(log: EventLog, events: list[Event]) -> None:
    numbers = [*range(log.first_sequence, log.head + 1)]
    assert [each.sequence for each in events] == numbers
    assert [each.data["n"] for each in events] == numbers
    _agrees(log, {"agents": ["local"]}, events)
    for n in range(2):
        _agrees(log, {"correlation_id": f"c{n}"}, [each for each in events if each.sequence % 4 == n])
        _agrees(log, {"types": [f"t{n}"]}, [each for each in events if each.sequence % 3 == n])
        of_stream = [each for each in events if each.stream == f"s{n}"]
        _agrees(log, {"stream": f"s{n}"}, of_stream)
        if of_stream:
            assert log.stream_revision(f"s{n}") == of_stream[-1].revision


def _agrees(log: EventLog, filters: dict[str, object], events: list[Event]) -> None:
    assert log.query(**filters, limit=1000).events == events[:1000], f"{filters} finds something else than reading does"


def _judge_archive(home: Path) -> None:
    """Check that all that the log has let go of is in the archive."""
    unpacked = home / "unpacked"
    unpacked.mkdir()
    for packed in (home / "archive").glob("*.gz"):
        (unpacked / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    with EventLog.open(home / "log", sync=nothing) as log, EventLog.open(unpacked, sync=nothing) as old:
        assert old.head >= log.first_sequence - 1, "something left the log and is not in the archive"
        assert [each.data["n"] for each in old.read()] == [*range(1, old.head + 1)]


def _judge_snapshots(home: Path, least: int) -> None:
    with EventLog.open(home / "log", sync=nothing) as log:
        view = View(log, COUNT, Snapshots(home / "snapshots"))
        assert view.sequence >= least, f"the snapshot of event {least} is gone"
        assert view.state == view.sequence
        view.catch_up()
        assert view.state == log.head


def _judge_erasing(path: Path, least: int, *, done: bool) -> None:
    """Check that a stream is erased or not, and all the rest is there; what was durable when it began stays."""
    assert verify(path).problems == []
    with EventLog.open(path, limits=LIMITS, sync=nothing) as log:
        told = [event for event in log.read() if event.type == ERASED]
        events = [event for event in log.read() if event.sequence <= least]
        assert [event.sequence for event in events] == [*range(1, least + 1)]
        erased = {event.erased for event in events if event.stream == "s1"}
        assert erased == {True} if done else len(erased) == 1, f"some is erased and some is not, done: {done}"
        rest = [event for event in events if event.stream != "s1"]
        assert [event.data["n"] for event in rest] == [event.sequence for event in rest]
        assert len(told) == (True in erased)
    assert verify(path).problems == []


def _judge_repair(path: Path, *, repaired: bool) -> None:
    """Check that what is not in the log was put aside, but for the append that cannot be read."""
    done = repair(path, max_events=1000)
    assert not (repaired and done.problem), f"still damaged after the repair: {done.problem}"
    with EventLog.open(path, limits=LIMITS, sync=nothing) as log:
        kept = [each.data["n"] for each in log.read()]
    assert kept == [*range(1, len(kept) + 1)]
    lines = [line for aside in path.glob("removed-*/events.jsonl") for line in aside.read_text().splitlines()]
    known = {*kept, *(json.loads(line)["data"]["n"] for line in lines)}
    missing = {*range(1, 13)} - known
    assert len(missing) <= 2, f"neither kept nor put aside: {sorted(missing)}"
    assert verify(path).problems == []
