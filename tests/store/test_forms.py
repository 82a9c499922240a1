"""What a stranger guesses works: dicts as events, one event alone, names and times as text; what cannot be is told."""

from datetime import UTC, datetime, timedelta

import pytest

from store import ConditionFailed, FailIf, Invalid, NewEvent, Query


@pytest.mark.parametrize(
    "events",
    [
        {"type": "note", "data": {"n": 1}},
        NewEvent(type="note", data={"n": 1}),
        [{"type": "note", "data": {"n": 1}}],
        (NewEvent(type="note", data={"n": 1}),),
    ],
)
def test_an_append_takes_one_event_or_several_as_events_or_as_dicts(log, events):
    log.append(events, stream="s")
    assert [(event.type, event.data, event.stream) for event in log.read()] == [("note", {"n": 1}, "s")]


def test_an_append_takes_what_a_generator_makes(log):
    log.append({"type": "note", "data": n} for n in range(3))
    assert [event.data for event in log.read()] == [0, 1, 2]


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ({"typ": "note"}, "an event has no typ: its fields are type, data"),
        ({"data": 1}, "without a type"),
        ("note", "events is str: give NewEvent, a dict"),
        (7, "events is int"),
        ([{"type": "note"}, 7], "an append holds int"),
        ([], "at least one"),
        ({"type": 5}, "type is int"),
        ({"type": "note", "metadata": 3}, "metadata is no dict"),
    ],
)
def test_what_is_no_event_is_told(log, events, said):
    with pytest.raises(Invalid, match=said):
        log.append(events)
    assert log.head == 0


def test_a_single_type_or_agent_needs_no_list(log):
    log.append([{"type": "a"}, {"type": "b"}], agent="ann")
    log.append({"type": "a"}, agent="bob")
    assert [event.sequence for event in log.query(types="a")] == [1, 3]
    assert [event.sequence for event in log.query(agents="ann", types=["b", "a"])] == [1, 2]
    assert [event.sequence for event in log.query(Query(types="a"))] == [1, 3]


def test_times_are_datetimes_rfc_3339_or_nanoseconds(log, clock):
    at = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    for seconds in range(3):
        clock.now_ns = round((at + timedelta(seconds=seconds)).timestamp() * 1000) * 1_000_000
        log.append({"type": "tick"})
    second = at + timedelta(seconds=1)
    for since in (second, "2026-05-01T12:00:01.25Z", "2026-05-01T14:00:01.25+02:00", 1_777_636_801_250_000_000):
        assert [event.sequence for event in log.query(since=since)] == [2, 3]
    assert [event.sequence for event in log.query(since=at, until=second)] == [1]
    assert [event.sequence for event in log.query(since_ns=1_777_636_801_250_000_000)] == [2, 3]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"since": "yesterday"}, "since: 'yesterday' is no RFC 3339 time"),
        ({"until": datetime(2026, 5, 1)}, "until is a datetime without a time zone"),  # noqa: DTZ001 - that is the fault
        ({"since": 1.5}, "since is float: give a datetime"),
        ({"types": 3}, "got `int` - at `types`"),
        ({"limit": "many"}, "got `str` - at `limit`"),
        ({"typ": "a"}, "a query has no typ"),
    ],
)
def test_what_is_no_query_is_told_by_the_fields_name(log, asked, said):
    with pytest.raises(Invalid, match=said):
        log.query(**asked)


def test_a_query_that_is_none_is_told(log):
    with pytest.raises(Invalid, match="the query is str: give a Query"):
        log.query("orders")


def test_a_query_alone_is_a_condition_behind_its_own_after(log):
    log.append({"type": "order"})
    with pytest.raises(ConditionFailed):
        log.append({"type": "order"}, fail_if=Query(types="order"))
    assert log.append({"type": "order"}, fail_if=Query(types="order", after=1)).last_sequence == 2
    with pytest.raises(ConditionFailed):
        log.append({"type": "order"}, fail_if=FailIf(query=Query(types="order"), after=1))
    with pytest.raises(Invalid, match="fail_if is str"):
        log.append({"type": "order"}, fail_if="order")


@pytest.mark.parametrize("expected", ["nostream", "3", -1, True, 1.0])
def test_a_typo_in_the_expected_revision_is_no_conflict_that_invites_a_retry(log, expected):
    log.append({"type": "t"}, stream="s")
    with pytest.raises(Invalid, match="expected_revision is"):
        log.append({"type": "t"}, stream="s", expected_revision=expected)
    assert log.head == 1


def test_an_agents_name_that_is_too_long_for_its_own_stream_is_told_as_that(log):
    with pytest.raises(Invalid, match=r"agent has 251 characters, and its stream is `agent/\.\.\.`: use 250"):
        log.append({"type": "t"}, agent="a" * 251)
    log.append({"type": "t"}, agent="a" * 251, stream="s")
    log.append({"type": "t"}, agent="a" * 250)
    assert log.head == 2


def test_read_takes_the_filters_of_a_query_and_gives_all_that_match(log):
    for number in range(1500):
        log.append({"type": "even" if number % 2 == 0 else "odd", "data": {"n": number}}, stream=f"s{number % 3}")
    assert [event.data["n"] for event in log.read(types="odd")] == [*range(1, 1500, 2)]
    assert [event.data["n"] for event in log.read(1200, stream="s1", where={"n": {"$lt": 1300}})] == [
        *range(1201, 1300, 3)
    ]
    assert [event.sequence for event in log.read(types="odd", before=7)] == [2, 4, 6]
    assert list(log.read(types="never")) == []
    with pytest.raises(Invalid, match="takes no limit, order"):
        log.read(order="desc", limit=5)
    with pytest.raises(Invalid, match="after is 'x'"):
        log.read("x")


def test_what_is_appended_while_it_is_read_is_read_too(log):
    log.append({"type": "a"})
    found = []
    for event in log.read(types="a"):
        found.append(event.sequence)
        if event.sequence < 5:
            log.append([{"type": "b"}, {"type": "a"}])
    assert found == [1, 3, 5]
