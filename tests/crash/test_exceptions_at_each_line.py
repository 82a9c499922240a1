"""An exception between any two lines of a commit: Ctrl-C, a signal handler's, one for want of memory.

The property: whatever was acknowledged before and after is there when the log is opened again, in order, and nothing
else but what the interrupted append asked for. The log goes on, or says that it does not.
"""

import os
import sys
from collections import Counter
from itertools import count
from pathlib import Path

import pytest

import store
from store import Append, Appended, EventLog, Limits, NewEvent, StoreError, verify

HOME = str(Path(store.__file__).parent)
SMALL = Limits(segment_bytes=900, reserve_bytes=0)
TWICE = 2
"""How often at each line: the first time it runs in a commit, and the second."""

POLICIES = ["always", "group", "interval:1", "never"]


def plain(n):
    """One event of names that are known."""
    return [Append(events=[NewEvent(type="t", data={"n": n})], agent="a", stream="s")]


def fresh(n):
    """Names that are new, and a command."""
    event = NewEvent(type=f"t{n}", data={"n": n}, correlation_id=f"c{n}")
    return [Append(events=[event], agent=f"a{n}", stream=f"s{n}", command_id=f"k{n}")]


def begun(n):
    """Names that are new, in a stream that begins with it."""
    event = NewEvent(type=f"t{n}", data={"n": n}, correlation_id=f"c{n}")
    return [Append(events=[event], agent=f"a{n}", stream=f"s{n}", expected_revision="no_stream")]


def many(n):
    """A group of several appends, some of which are refused, over the end of a segment."""
    filler = "x" * 300
    several = [
        Append(events=[NewEvent(type="t", data={"n": n, "part": part, "filler": filler})], agent="a", stream=stream)
        for part, stream in enumerate(["s", f"new{n}", "s", f"newer{n}"])
    ]
    conflict = Append(events=[NewEvent(type="t")], agent="a", stream="s", expected_revision=999)
    command = Append(events=[NewEvent(type="t", data={"n": n, "part": 9})], agent="a", stream="s", command_id=f"k{n}")
    return [*several, conflict, command, Append(events=[NewEvent(type="")], agent="a")]


class Exceptions:
    """Raises when so many lines of the log's code have run, 0 for never; notes all, the last one where it raised."""

    def __init__(self, turn):
        self.turn, self.lines, self.error = turn, [], KeyboardInterrupt if turn % 2 else MemoryError

    def __enter__(self):
        self._before = sys.gettrace()
        sys.settrace(self._calls)
        return self

    def __exit__(self, *_):
        sys.settrace(self._before)

    def _calls(self, frame, _event, _argument):
        return self._lines if frame.f_code.co_filename.startswith(HOME) else None

    def _lines(self, frame, event, _argument):
        if event == "line":
            self.lines.append(f"{frame.f_code.co_filename[len(HOME) + 1 :]}:{frame.f_lineno}")
            if self.turn == len(self.lines):
                raise self.error
        return self._lines


def numbers(events):
    return [(event.data["n"], event.data.get("part", 0)) for event in events]


def stored(appends, outcomes):
    events = [append.events[0] for append, got in zip(appends, outcomes, strict=True) if isinstance(got, Appended)]
    return numbers(events)


def interrupted_at(path, policy, appends_of, turn):
    """Commit with an exception at one line, and check the property; return the lines that were run."""
    acknowledged, maybe, went_on, ended = [], [], False, None
    clock = count(10**9, 10**7).__next__
    log = EventLog.open(path, policy, limits=SMALL, clock_ns=clock, sync=lambda _fd: None)
    for n in range(2):
        acknowledged += stored(plain(n), log.commit(plain(n)))
    with Exceptions(turn) as exceptions:
        try:
            acknowledged += stored(appends_of(2), log.commit(appends_of(2)))
        except (KeyboardInterrupt, MemoryError, StoreError) as error:
            maybe = [(each.events[0].data["n"], each.events[0].data.get("part", 0)) for each in appends_of(2)[:4]]
            maybe += [(2, 9)]
            if isinstance(error, StoreError):
                ended = error
    at = exceptions.lines[-1]
    for n in range(3, 6):
        try:
            acknowledged += stored(many(n), log.commit(many(n)))
            assert numbers(log.read())[-1] == (n, 9), at
            went_on = True
        except StoreError as error:
            assert not went_on, f"{at}: it went on, and then ended: {error}"
            ended = error
    log.close()
    with EventLog.open(path, limits=SMALL, sync=lambda _fd: None) as again:
        found = numbers(again.read())
        assert [each for each in found if each not in maybe or each in acknowledged] == acknowledged, exceptions.lines[
            -1
        ]
        if went_on or ended is None:
            assert again.stats().lost == 0, at
        again.append([NewEvent(type="t", data={"n": -1})])
        assert again.stream_revision("s") == len(again.query(stream="s", limit=100).events), at
    assert verify(path).problems == [], at
    return exceptions.lines


@pytest.fixture
def _without_syncs(monkeypatch):
    """Nothing is at risk, and thousands of syncs would take time."""
    monkeypatch.setattr(os, "fsync", lambda _fd: None)


@pytest.mark.slow
@pytest.mark.usefixtures("_without_syncs")
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("appends_of", [plain, begun, fresh, many])
def test_an_exception_at_any_line_of_a_commit_loses_nothing_that_was_acknowledged(tmp_path, policy, appends_of):
    lines = interrupted_at(tmp_path / "0", policy, appends_of, 0)
    assert {line.partition("/")[0] for line in lines} >= {"writing", "format", "disk", "index", "reading"}
    times = Counter()
    for turn, line in enumerate(lines, 1):
        times[line] += 1
        if times[line] <= TWICE:
            assert interrupted_at(tmp_path / str(turn), policy, appends_of, turn)[turn - 1] == line
