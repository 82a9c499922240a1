"""Append conditions that look at much: what was looked at before is not looked at again, nor decoded twice."""

import pytest

from store import Append, Appended, ConditionFailed, EventLog, FailIf, NewEvent, Query
from store.format import frame as frames


def claim(job, **where):
    query = Query(types=("claimed",), where={"job": job, **where})
    return Append(events=[NewEvent(type="claimed", data={"job": job})], agent="a", fail_if=FailIf(query=query))


def anything_like(n):
    return FailIf(query=Query(where={"n": n}))


def test_what_was_looked_at_before_staging_is_not_looked_at_again(log):
    log.append([NewEvent(type="note", data={"n": 1})])
    log.append([NewEvent(type="note", data={"n": 2})])
    append = Append(events=[NewEvent(type="note")], agent="a", fail_if=anything_like(1))
    staged = log.steps.stage([append, append, append], [1, 0, 2])
    log.steps.flush(staged)
    outcomes = log.steps.settle(staged)
    assert [type(outcome) for outcome in outcomes] == [Appended, ConditionFailed, Appended]


def test_what_was_looked_at_before_does_not_hide_what_is_staged(log):
    note = NewEvent(type="note", data={"n": 1})
    append = Append(events=[note], agent="a", fail_if=anything_like(1))
    staged = log.steps.stage([append, append], [log.head, log.head])
    assert [type(outcome) for outcome in staged.outcomes] == [Appended, ConditionFailed]


def test_a_repeated_command_gets_its_result_whatever_was_looked_at(log):
    append = Append(events=[NewEvent(type="n", data={"n": 1})], agent="a", fail_if=anything_like(1), command_id="c")
    (first,) = log.commit([append])
    staged = log.steps.stage([append], [log.head])
    log.steps.flush(staged)
    (again,) = log.steps.settle(staged)
    assert isinstance(again, Appended)
    assert (again.first_sequence, again.deduplicated) == (first.first_sequence, True)


def test_each_claim_of_a_group_meets_the_one_before_it(log):
    outcomes = log.commit([claim(n % 5) for n in range(20)])
    assert [isinstance(outcome, Appended) for outcome in outcomes] == [True] * 5 + [False] * 15
    assert [outcome.sequence for outcome in outcomes[5:]] == [1, 2, 3, 4, 5] * 3


def test_a_staged_event_is_decoded_at_most_once_however_many_conditions_ask(tmp_path, monkeypatch):
    decoded = []
    events_of = frames.events_of
    monkeypatch.setattr(frames, "events_of", lambda body, count: decoded.append(count) or events_of(body, count))
    with EventLog.open(tmp_path) as log:
        log.commit([claim(n) for n in range(50)])
    assert sum(decoded) <= 50


def test_a_condition_decodes_no_staged_event_that_its_filters_exclude(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "events_of", lambda *_: pytest.fail("an event was decoded"))
    others = [
        Query(stream="other"),
        Query(types=("other",), where={"n": 1}),
        Query(agents=("other",), where={"n": 1}),
    ]
    note = NewEvent(type="note", data={"n": 1})
    appends = [Append(events=[note], agent="a", fail_if=FailIf(query=query)) for query in others]
    with EventLog.open(tmp_path) as log:
        staged = log.steps.stage([Append(events=[note], agent="a"), *appends])
        assert all(isinstance(outcome, Appended) for outcome in staged.outcomes)
        log.steps.flush(staged)
        log.steps.settle(staged)


@pytest.mark.parametrize(
    "refused",
    [
        Append(events=[NewEvent(type="new type", data={"n": 2**64})], agent="new", stream="new"),
        Append(events=[NewEvent(type="new type")], agent="new", stream="new", expected_revision=3),
        Append(events=[NewEvent(type="new type"), NewEvent(type="t", stream="\n")], agent="new", stream="new"),
        Append(events=[NewEvent(type="new type", data={"text": "x" * (1 << 20)})], agent="new", stream="new"),
        Append(
            events=[NewEvent(type="new type")], agent="new", stream="new", fail_if=FailIf(query=Query(types=("note",)))
        ),
    ],
    ids=["encoding", "revision", "name", "size", "condition"],
)
def test_what_is_refused_leaves_no_name_behind(tmp_path, refused):
    with EventLog.open(tmp_path) as log:
        log.append([NewEvent(type="note")], stream="s", agent="a")
        table = log._parts.table
        before = [*table.streams], [*table.types.names], [*table.agents.names]
        (outcome,) = log.commit([refused])
        assert not isinstance(outcome, Appended)
        assert ([*table.streams], [*table.types.names], [*table.agents.names]) == before
        assert log.stats().streams == 1
        log.append([NewEvent(type="other")], stream="t", agent="b")
        assert [event.sequence for event in log.query(stream="t", types=["other"], agents=["b"]).events] == [2]
