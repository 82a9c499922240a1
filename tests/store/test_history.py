"""A checker of histories: what several clients asked and were told, overlapping, against what the log then holds.

Every append and every read has a time at which it was asked and one at which it was answered. In between, groups are
staged, flushed and settled in turns that Hypothesis chooses, and reads come anywhere.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import Append, Appended, EventLog, Limits, MemoryLog, NewEvent, RevisionConflict


class Wrote(NamedTuple):
    asked: int
    answered: int
    append: Append
    outcome: object


class Read(NamedTuple):
    asked: int
    answered: int
    events: list


@dataclass
class History:
    """What happened; `final` is what the log holds in the end."""

    wrote: list[Wrote] = field(default_factory=list)
    read: list[Read] = field(default_factory=list)
    final: list = field(default_factory=list)


def check(history):
    """The property: unique, gapless, in real time, nothing acknowledged unseen, expectations met by the head."""
    assert [event.sequence for event in history.final] == list(range(1, len(history.final) + 1)), "gaps or duplicates"
    stored = [wrote for wrote in history.wrote if isinstance(wrote.outcome, Appended)]
    taken = [s for w in stored for s in range(w.outcome.first_sequence, w.outcome.last_sequence + 1)]
    assert sorted(taken) == list(range(1, len(history.final) + 1)), "a sequence was promised twice, or to no one"
    for wrote in stored:
        first, last = wrote.outcome.first_sequence, wrote.outcome.last_sequence
        told = [event.data for event in history.final[first - 1 : last]]
        assert told == [event.data for event in wrote.append.events], "another event is where it was promised"
    for one in stored:
        for other in stored:
            if one.answered < other.asked:
                assert one.outcome.last_sequence < other.outcome.first_sequence, "the order is not that of real time"
    for read in history.read:
        assert read.events == history.final[: len(read.events)], "a reader saw what the log does not hold"
        known = max((w.outcome.last_sequence for w in stored if w.answered < read.asked), default=0)
        assert len(read.events) >= known, "a reader did not see what had been acknowledged"
    check_expectations(history, stored)


def check_expectations(history, stored):
    heads, by_first = {}, {wrote.outcome.first_sequence: wrote for wrote in stored}
    for event in history.final:
        wrote = by_first.get(event.sequence)
        if wrote is not None and wrote.append.expected_revision is not None:
            expected = wrote.append.expected_revision
            assert heads.get(wrote.append.stream, 0) == expected, "an append went through that expected another head"
        assert event.revision == heads.get(event.stream, 0) + 1, "a revision is not the next one"
        heads[event.stream] = event.revision
    for wrote in history.wrote:
        if isinstance(wrote.outcome, RevisionConflict):
            assert wrote.outcome.actual != wrote.append.expected_revision, "refused although the head was as expected"
            assert wrote.outcome.actual <= heads.get(wrote.append.stream, 0), "refused for a head that never was"


STREAMS = ("a", "b")
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("stage"),
            st.lists(
                st.tuples(st.sampled_from(STREAMS), st.none() | st.integers(0, 4), st.integers(1, 3)),
                min_size=1,
                max_size=3,
            ),
        ),
        st.tuples(st.sampled_from(["flush", "settle", "read", "step"]), st.none()),
    ),
    max_size=40,
)


class Clients:
    """Carries out steps on a log and writes down what happened."""

    def __init__(self, log):
        self.log = log
        self.history = History()
        self.time = self.number = 0
        self.staged = []
        self.flushed = []

    def stage(self, asked):
        appends = []
        for stream, expected, count in asked:
            events = [NewEvent(type="t", data=self.number + n) for n in range(count)]
            self.number += count
            appends.append(Append(events=events, agent="x", stream=stream, expected_revision=expected))
        self.staged.append((self.time, appends, self.log.steps.stage(appends)))

    def flush(self, _=None):
        if self.staged:
            self.log.steps.flush(self.staged[0][2])
            self.flushed.append(self.staged.pop(0))

    def settle(self, _=None):
        if self.flushed:
            asked, appends, group = self.flushed.pop(0)
            for append, outcome in zip(appends, self.log.steps.settle(group), strict=True):
                self.history.wrote.append(Wrote(asked, self.time, append, outcome))

    def read(self, _=None):
        self.history.read.append(Read(self.time, self.time, list(self.log.read())))

    def step(self, _=None):
        self.log.step()


def run(log, steps):
    """Carry out the steps, then the rest of the groups, and tell what happened."""
    clients = Clients(log)
    rest = [("flush", None), ("settle", None)] * len(steps)
    for what, asked in (*steps, *rest, ("read", None)):
        clients.time += 1
        getattr(clients, what)(asked)
    clients.history.final = list(log.read())
    return clients.history


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_histories_of_the_log_in_memory_hold(steps):
    with MemoryLog() as log:
        check(run(log, steps))


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_histories_of_the_log_in_files_hold(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("log")
    limits = Limits(segment_bytes=500, reserve_bytes=0)
    with EventLog.open(path, "never", limits=limits, sync=lambda _: None) as log:
        history = run(log, steps)
    check(history)
    with EventLog.open(path, limits=limits) as log:
        assert list(log.read()) == history.final


PLAIN = [
    ("stage", [("a", None, 2)]),
    ("flush", None),
    ("stage", [("a", 2, 1), ("b", 3, 1)]),
    ("settle", None),
    ("read", None),
    ("stage", [("b", 0, 1)]),
    ("flush", None),
    ("settle", None),
    ("read", None),
]


def lost(history):
    del history.final[-1]


def twice(history):
    history.final.append(history.final[-1])


def swapped(history):
    first, second = (w for w in history.wrote if isinstance(w.outcome, Appended) and w.append.stream == "a")
    at = history.wrote.index(second)
    history.wrote[at] = second._replace(outcome=first.outcome)


def late(history):
    history.wrote = [wrote._replace(asked=-wrote.asked, answered=-wrote.asked) for wrote in history.wrote]


def stale(history):
    history.read.append(Read(100, 100, []))


def dirty(history):
    history.read.append(Read(0, 0, [*reversed(history.final)]))


def careless(history):
    at = next(n for n, wrote in enumerate(history.wrote) if wrote.append.expected_revision == 2)
    append = Append(events=history.wrote[at].append.events, agent="x", stream="a", expected_revision=1)
    history.wrote[at] = history.wrote[at]._replace(append=append)


def strict(history):
    at = next(n for n, wrote in enumerate(history.wrote) if isinstance(wrote.outcome, RevisionConflict))
    history.wrote[at] = history.wrote[at]._replace(outcome=RevisionConflict("b", 3, 3))


@pytest.mark.parametrize("broken", [lost, twice, swapped, late, stale, dirty, careless, strict])
def test_the_checker_catches_a_history_that_is(broken):
    with MemoryLog() as log:
        history = run(log, PLAIN)
    check(history)
    broken(history)
    with pytest.raises(AssertionError):
        check(history)


def test_the_checker_catches_a_log_that_answers_before_it_shows(tmp_path, monkeypatch):
    monkeypatch.setattr("store.reading.committed.Committed.show", lambda *_: None)
    with EventLog.open(tmp_path, "never") as log, pytest.raises(AssertionError):
        check(run(log, PLAIN))
