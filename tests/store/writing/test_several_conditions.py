"""Conditions over several streams and of several queries: checked together with the append, or nothing is stored."""

import pytest

from store import Append, ConditionFailed, EventLog, EventsGone, FailIf, Invalid, NewEvent, Query, RevisionConflict

NOTE = NewEvent(type="note")


@pytest.fixture
def filled(log):
    log.append([NOTE] * 2, stream="tasks")
    log.append([NOTE], stream="leases")
    return log


def test_an_append_is_stored_where_all_streams_are_at_what_is_expected(filled):
    expected = {"tasks": 2, "leases": 1, "mail": 0, "jobs": "no_stream", "any": "any"}
    stored = filled.append({"type": "done", "stream": "leases"}, stream="tasks", expected=expected)
    assert stored.revisions == {"leases": 2}


@pytest.mark.parametrize(
    ("expected", "stream", "actual"),
    [
        ({"tasks": 2, "leases": 2}, "leases", 1),
        ({"tasks": 1, "leases": 2}, "tasks", 2),
        ({"leases": "no_stream"}, "leases", 1),
        ({"mail": "exists"}, "mail", 0),
        ({"mail": 1}, "mail", 0),
    ],
)
def test_it_is_refused_where_one_is_not_and_says_which(filled, expected, stream, actual):
    with pytest.raises(RevisionConflict) as caught:
        filled.append(NOTE, stream="tasks", expected=expected)
    assert (caught.value.stream, caught.value.actual) == (stream, actual)
    assert filled.head == 3


def test_what_is_staged_before_it_counts(filled):
    first, second, third = filled.commit(
        [
            Append(events=[NOTE], agent="a", stream="tasks", expected={"leases": 1}),
            Append(events=[NOTE], agent="b", stream="leases", expected={"tasks": 2}),
            Append(events=[NOTE], agent="b", stream="leases", expected={"tasks": 3}),
        ]
    )
    assert first.revisions == {"tasks": 3}
    assert isinstance(second, RevisionConflict)
    assert third.revisions == {"leases": 2}


@pytest.mark.parametrize(
    "expected", [["tasks"], {"tasks": "nostream"}, {"tasks": -1}, {"": 0}, {5: 0}, {f"s{n}": 0 for n in range(1001)}]
)
def test_what_cannot_be_expected_is_invalid(filled, expected):
    with pytest.raises(Invalid):
        filled.append(NOTE, stream="tasks", expected=expected)


def test_a_repeated_command_is_one_only_if_it_expects_the_same(filled):
    stored = filled.append(NOTE, stream="tasks", expected={"leases": 1}, command_id="c")
    again = filled.append(NOTE, stream="tasks", expected={"leases": 1}, command_id="c")
    assert (again.first_sequence, again.deduplicated) == (stored.first_sequence, True)
    with pytest.raises(Invalid):
        filled.append(NOTE, stream="tasks", expected={"leases": 2}, command_id="c")


def test_an_event_that_matches_one_of_several_queries_refuses(filled):
    queries = [Query(types="paid"), Query(stream="leases")]
    with pytest.raises(ConditionFailed) as caught:
        filled.append(NOTE, fail_if=queries)
    assert caught.value.sequence == 3
    filled.append(NOTE, fail_if=FailIf(queries=tuple(queries), after=3))
    filled.append({"type": "paid"}, stream="orders")
    filled.append(NOTE, stream="leases")
    with pytest.raises(ConditionFailed) as caught:
        filled.append(NOTE, fail_if=FailIf(query=Query(stream="leases"), queries=(Query(types="paid"),), after=3))
    assert caught.value.sequence == 5


def test_each_query_begins_behind_its_own_after_and_the_conditions(filled):
    with pytest.raises(ConditionFailed):
        filled.append(NOTE, fail_if=[Query(stream="tasks", after=2), Query(stream="leases", after=2)])
    filled.append(NOTE, fail_if=[Query(stream="tasks", after=2), Query(stream="leases", after=3)])


def test_what_is_staged_before_it_is_asked_with_every_query(filled):
    head = filled.head
    one, other, third = filled.commit(
        [
            Append(events=[NewEvent(type="paid")], agent="a", stream="orders"),
            Append(
                events=[NOTE],
                agent="b",
                fail_if=FailIf(queries=(Query(types=("x",)), Query(types=("paid",))), after=head),
            ),
            Append(
                events=[NOTE], agent="b", fail_if=FailIf(queries=(Query(types=("x",)), Query(types=("y",))), after=head)
            ),
        ]
    )
    assert one.last_sequence == 4
    assert isinstance(other, ConditionFailed)
    assert third.last_sequence == 5


@pytest.mark.parametrize("fail_if", [FailIf(), FailIf(queries=(Query(),) * 65), [], [Query(), "order"]])
def test_a_condition_has_some_queries_and_not_too_many(filled, fail_if):
    with pytest.raises(Invalid):
        filled.append(NOTE, fail_if=fail_if)


def test_a_condition_of_several_queries_that_reaches_behind_what_is_left_is_refused(tmp_path):
    from store import Limits, Retention

    with EventLog.open(tmp_path, limits=Limits(segment_bytes=300, reserve_bytes=10)) as log:
        for _ in range(20):
            log.append(NOTE, stream="s")
        log.retire(Retention(max_bytes=600))
        first = log.first_sequence
        assert first > 1
        with pytest.raises(EventsGone):
            log.append(NOTE, fail_if=[Query(types="x", after=first), Query(types="y", after=first - 2)])
        log.append(NOTE, fail_if=[Query(types="x", after=first), Query(types="y", after=first - 1)])
