"""What an append does, in files and in memory alike."""

import pytest
from msgspec.structs import replace

from store import (
    Append,
    Appended,
    ConditionFailed,
    EventLog,
    FailIf,
    Invalid,
    Log,
    MemoryLog,
    NewEvent,
    Query,
    RevisionConflict,
    verify,
)

NOTE = NewEvent(type="note", data={"n": 1})


def test_sequences_and_revisions_count_from_one_without_gaps(log):
    first = log.append([NOTE, NOTE], stream="a")
    second = log.append([NOTE, NewEvent(type="note", stream="b"), NOTE], stream="a")
    assert (first.first_sequence, first.last_sequence, first.revisions) == (1, 2, {"a": 2})
    assert (second.first_sequence, second.last_sequence, second.revisions) == (3, 5, {"a": 4, "b": 1})
    assert [(e.sequence, e.stream, e.revision) for e in log.read()] == [
        (1, "a", 1),
        (2, "a", 2),
        (3, "a", 3),
        (4, "b", 1),
        (5, "a", 4),
    ]
    assert log.head == 5
    assert log.stats().head == 5
    assert log.stats().streams == 2


def test_an_event_reads_back_as_it_was_given(log, clock):
    clock.now_ns = 77
    given = NewEvent(
        type="t",
        data={"text": "äöü", "deep": [{"x": [None, True, 1.5, -(2**63), 2**64 - 1]}]},
        stream="s",
        correlation_id="c",
        causation_id="d",
        metadata={"k": "v"},
    )
    log.append([given], agent="me")
    (event,) = log.read()
    assert (event.type, event.data, event.stream) == (given.type, given.data, given.stream)
    assert (event.correlation_id, event.causation_id, event.metadata) == ("c", "d", {"k": "v"})
    assert (event.agent, event.time_ns, event.sequence, event.revision) == ("me", 77, 1, 1)


def test_an_event_without_data_has_an_empty_payload(log):
    log.append([NewEvent(type="t")])
    assert next(log.read()).data == {}


def test_the_default_stream_is_the_agents_own(log):
    assert log.append([NOTE], agent="ann").revisions == {"agent/ann": 1}


@pytest.mark.parametrize(("expected", "actual"), [(1, 2), (3, 2), (0, 2), ("no_stream", 2)])
def test_a_stale_expected_revision_is_refused_and_stores_nothing(log, expected, actual):
    log.append([NOTE, NOTE], stream="s")
    with pytest.raises(RevisionConflict) as caught:
        log.append([NOTE], stream="s", expected_revision=expected)
    assert (caught.value.stream, caught.value.expected, caught.value.actual) == ("s", expected, actual)
    assert log.head == 2
    assert log.stream_revision("s") == 2


def test_exists_is_refused_for_a_stream_that_does_not(log):
    with pytest.raises(RevisionConflict):
        log.append([NOTE], stream="s", expected_revision="exists")
    assert log.stream_revision("s") == 0


@pytest.mark.parametrize("expected", [2, "exists", "any", None])
def test_a_fitting_expected_revision_is_accepted(log, expected):
    log.append([NOTE, NOTE], stream="s")
    assert log.append([NOTE], stream="s", expected_revision=expected).revisions == {"s": 3}


def test_appends_of_one_commit_see_each_other_and_fail_alone(log):
    def create(stream):
        return Append(events=[NOTE], agent="a", stream=stream, expected_revision="no_stream")

    first, second, third = log.commit([create("s"), create("s"), create("t")])
    assert isinstance(first, Appended)
    assert isinstance(second, RevisionConflict)
    assert isinstance(third, Appended)
    assert (first.last_sequence, second.actual, third.first_sequence) == (1, 1, 2)


def test_a_failed_append_in_the_middle_leaves_no_gap(log):
    bad = Append(events=[NOTE, NewEvent(type="t", data={"n": 2**64})], agent="a", stream="s")
    good = Append(events=[NOTE], agent="a", stream="s")
    outcomes = log.commit([good, bad, good])
    assert isinstance(outcomes[1], Invalid)
    assert [event.revision for event in log.read()] == [1, 2]


def test_fail_if_refuses_when_a_matching_event_is_there(log):
    log.append([NewEvent(type="lease.taken", data={"job": 1})])
    taken = Query(types=("lease.taken",), where={"job": 1})
    with pytest.raises(ConditionFailed) as caught:
        log.append([NOTE], fail_if=FailIf(query=taken))
    assert caught.value.sequence == 1
    assert log.head == 1
    assert log.append([NOTE], fail_if=FailIf(query=taken, after=1)).first_sequence == 2
    assert log.append([NOTE], fail_if=FailIf(query=Query(types=("lease.taken",), where={"job": 2}))).first_sequence == 3


def test_of_two_claims_in_one_commit_only_the_first_gets_through(log):
    claim = Append(
        events=[NewEvent(type="claimed", data={"job": 1})], agent="a", fail_if=FailIf(query=Query(types=("claimed",)))
    )
    first, second = log.commit([claim, claim])
    assert isinstance(first, Appended)
    assert isinstance(second, ConditionFailed)
    assert second.sequence == 1


def test_a_command_is_carried_out_once(log):
    first = log.append([NOTE, NewEvent(type="x", stream="b")], stream="s", agent="a", command_id="c1")
    again = log.append([NOTE, NewEvent(type="x", stream="b")], stream="s", agent="a", command_id="c1")
    assert not first.deduplicated
    assert again.deduplicated
    assert again.revisions == first.revisions == {"s": 1, "b": 1}
    assert (again.first_sequence, again.last_sequence, again.time_ns) == (1, 2, first.time_ns)
    assert log.head == 2


def test_a_repeated_command_is_recognised_before_its_conditions(log):
    for deduplicated in (False, True):
        result = log.append([NOTE], stream="s", expected_revision="no_stream", command_id="c")
        assert result.deduplicated is deduplicated


def test_a_command_id_with_another_payload_is_refused(log):
    log.append([NOTE], command_id="c")
    with pytest.raises(Invalid, match="already used"):
        log.append([NewEvent(type="note", data={"n": 2})], command_id="c")
    assert log.head == 1


def test_the_order_of_keys_does_not_make_another_command(log):
    log.append([NewEvent(type="t", data={"a": 1, "b": 2})], command_id="c")
    assert log.append([NewEvent(type="t", data={"b": 2, "a": 1})], command_id="c").deduplicated


def test_command_ids_of_different_agents_are_different_commands(log):
    assert not log.append([NOTE], agent="a", command_id="c").deduplicated
    assert not log.append([NOTE], agent="b", command_id="c").deduplicated


def test_a_command_repeated_within_a_commit_is_carried_out_once(log):
    append = Append(events=[NOTE], agent="a", command_id="c")
    first, second = log.commit([append, append])
    assert isinstance(first, Appended)
    assert isinstance(second, Appended)
    assert second.deduplicated
    assert log.head == 1


def _mixed(number):
    """One append of a busy group: of another agent, stream, size and shape than the one before."""
    own = [NewEvent(type="t", data=[number] * (number % 3)), NewEvent(type=f"u{number % 5}", metadata={"f": 0.5})]
    named = NewEvent(type="t", stream=f"named/{number % 4}", correlation_id=f"c{number % 6}", causation_id="why")
    events = [own[:1], [named], [*own, named]][number % 3]
    return Append(events=events, agent=f"a{number % 7}", stream=None if number % 2 else f"s{number % 5}")


def test_appends_that_commit_together_get_what_they_get_one_by_one(tmp_path, clock):
    appends = [_mixed(number) for number in range(100)]
    with EventLog.open(tmp_path / "log", clock_ns=clock) as together, MemoryLog(clock_ns=clock) as alone:
        assert together.commit(appends) == [alone.commit([append])[0] for append in appends]
        assert list(together.read()) == list(alone.read())
        for query in (Query(stream="named/1"), Query(agents=("a3",)), Query(correlation_id="c4"), Query(types=("u2",))):
            assert replace(together.query(query), looked=0) == replace(alone.query(query), looked=0)
        expected = alone.query(correlation_id="c4")
    assert verify(tmp_path / "log").problems == []
    with EventLog.open(tmp_path / "log") as again:
        assert again.query(correlation_id="c4").events == expected.events


def test_the_index_of_appends_that_commit_together_is_that_of_one_by_one(tmp_path):
    appends = [Append(events=[NOTE], agent="a", stream=f"s{number}") for number in (*range(300), 1)]
    with EventLog.open(tmp_path) as log:
        log.commit(appends)
    assert verify(tmp_path).problems == []


@pytest.mark.parametrize(
    "bad",
    [
        NewEvent(type="\n"),
        NewEvent(type="t", stream=""),
        NewEvent(type="t", correlation_id="x" * 300),
        NewEvent(type="t", data={"n": float("nan")}),
        NewEvent(type="t", data={"n": 2**64}),
        NewEvent(type="t", data={1: 2}),
        NewEvent(type="t", data="x" * (2 << 20)),
    ],
)
def test_one_bad_append_among_many_is_refused_alone(log, bad):
    good = [_mixed(number) for number in range(20)]
    outcomes = log.commit([*good[:10], Append(events=[NOTE, bad], agent="bad"), *good[10:]])
    assert [isinstance(outcome, Appended) for outcome in outcomes] == [True] * 10 + [False] + [True] * 10
    stored = [event.sequence for event in log.read()]
    assert stored == list(range(1, sum(len(append.events) for append in good) + 1))
    assert log.stream_revision("agent/bad") == 0


def test_staged_events_are_not_visible_until_they_are_settled(log):
    staged = log.steps.stage([Append(events=[NOTE], agent="a", stream="s")])
    assert log.head == 0
    assert not log.query().events
    assert log.stream_revision("s") == 1
    log.steps.flush(staged)
    assert log.head == 0
    assert log.steps.settle(staged) == staged.outcomes
    assert log.head == 1


def test_the_next_group_is_staged_while_the_last_one_is_being_flushed(log):
    first = log.steps.stage([Append(events=[NOTE], agent="a", stream="s")])
    second = log.steps.stage([Append(events=[NOTE], agent="a", stream="s", expected_revision=1)])
    for staged in (first, second):
        log.steps.flush(staged)
        (outcome,) = log.steps.settle(staged)
        assert isinstance(outcome, Appended)
    assert [event.revision for event in log.read()] == [1, 2]


def test_a_closed_log_says_so(log):
    log.close()
    log.close()
    for work in (lambda: log.append([NOTE]), log.query, lambda: list(log.read())):
        with pytest.raises(Invalid, match="closed"):
            work()


def test_both_logs_have_all_of_the_interface(log):
    promised = {name for name in vars(Log) if not name.startswith("_")}
    assert len(promised) > 10
    assert promised <= {name for name in dir(log) if not name.startswith("_")}


@pytest.mark.parametrize("events", [NOTE, None, "note", {"type": "note"}])
def test_events_that_are_no_list_are_refused_and_the_log_goes_on(log, events):
    (refused,) = log.commit([Append(events=events, agent="me")])
    assert isinstance(refused, Invalid)
    assert "give a list of NewEvent" in str(refused)
    assert log.append([NOTE]).first_sequence == 1


@pytest.mark.parametrize("wrong", [{"agent": ["me"]}, {"fail_if": Query()}])
def test_an_append_that_raises_a_type_error_takes_its_whole_group_back(tmp_path, wrong):
    with EventLog.open(tmp_path) as log:
        command = Append(events=[NOTE], agent="me", command_id="c")
        with pytest.raises((TypeError, AttributeError)):
            log.commit([command, Append(events=[NOTE], **{"agent": "me"} | wrong)])
        (stored,) = log.commit([command])
        assert (stored.first_sequence, stored.revisions, stored.deduplicated) == (1, {"agent/me": 1}, False)
        assert [event.sequence for event in log.read()] == [1]


def test_a_commit_is_refused_while_a_group_is_staged_by_itself_and_that_group_goes_on(tmp_path):
    with EventLog.open(tmp_path) as log:
        staged = log.steps.stage([Append(events=[NOTE], agent="a", stream="s")])
        with pytest.raises(Invalid, match="staged by itself"):
            log.commit([Append(events=[NOTE], agent="b")])
        log.steps.flush(staged)
        assert log.steps.settle(staged) == staged.outcomes
        assert [event.agent for event in log.read()] == ["a"]


@pytest.mark.parametrize("step", ["stage", "put"])
def test_an_interruption_before_anything_is_written_takes_the_append_back_and_the_log_goes_on(tmp_path, step):
    def interrupted(*_given, **_options):
        raise KeyboardInterrupt

    with EventLog.open(tmp_path) as log:
        append = Append(events=[NOTE], agent="me", command_id="c", stream="s")
        part = log.steps._stager if step == "stage" else log.steps._writer
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(part, step, interrupted)
            with pytest.raises(KeyboardInterrupt):
                log.commit([append])
        assert (log.head, log.stream_revision("s")) == (0, 0)
        (stored,) = log.commit([append])
        assert (stored.first_sequence, stored.revisions, stored.deduplicated) == (1, {"s": 1}, False)
