"""What a query finds."""

import pytest

from store import EventLog, Invalid, NewEvent, Query


@pytest.fixture
def filled(log, clock):
    for n in range(1, 41):
        clock.now_ns = n * 10
        log.append(
            [
                NewEvent(
                    type=f"type{n % 4}",
                    data={"n": n, "odd": n % 2 == 1, "in": {"n": n % 5}},
                    correlation_id=f"c{n % 8}",
                )
            ],
            stream=f"s{n % 3}",
            agent=f"a{n % 5}",
        )
    return log


def sequences(page):
    return [event.sequence for event in page.events]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"stream": "s1"}, lambda n: n % 3 == 1),
        ({"types": ["type1", "type3"]}, lambda n: n % 4 in (1, 3)),
        ({"agents": ("a0", "a1")}, lambda n: n % 5 in (0, 1)),
        ({"correlation_id": "c7"}, lambda n: n % 8 == 7),
        ({"after": 10, "before": 20}, lambda n: 10 < n < 20),
        ({"since_ns": 100, "until_ns": 200}, lambda n: 10 <= n < 20),
        ({"where": {"odd": True}}, lambda n: n % 2 == 1),
        ({"where": {"in.n": 3}}, lambda n: n % 5 == 3),
        ({"where": {"in": {"n": 3}, "odd": False}}, lambda n: n % 5 == 3 and n % 2 == 0),
        ({"stream": "s1", "types": ["type1"], "agents": ["a3"], "after": 3}, lambda n: n % 60 == 13),
        ({"stream": "no such stream"}, lambda n: False),
        ({"types": ["no such type"]}, lambda n: False),
        ({"types": ["no such type", "type2"]}, lambda n: n % 4 == 2),
        ({"where": {"odd": 1}}, lambda n: False),
        ({"where": {"missing": None}}, lambda n: False),
        ({"where": {"n.n": 1}}, lambda n: False),
    ],
)
def test_every_filter_given_must_hold(filled, filters, expected):
    numbers = [n for n in range(1, 41) if expected(n)]
    assert sequences(filled.query(**filters)) == numbers
    assert sequences(filled.query(**filters, order="desc")) == numbers[::-1]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("max_scan", [None, 1, 3])
@pytest.mark.parametrize("filters", [{}, {"stream": "s1"}, {"types": ["type1", "type2"]}, {"where": {"odd": True}}])
def test_pages_follow_each_other_without_gap_or_overlap(filled, order, max_scan, filters):
    cursor, found = {}, []
    while True:
        page = filled.query(**filters, **cursor, order=order, limit=4, max_scan=max_scan)
        found += sequences(page)
        if not page.has_more:
            break
        cursor = {"after" if order == "asc" else "before": page.next}
    assert found == sequences(filled.query(**filters, order=order))


def test_following_the_log_with_next_finds_what_came_since(filled):
    page = filled.query(types=["type1"])
    assert page.next == 40
    assert not filled.query(types=["type1"], after=page.next).events
    filled.append([NewEvent(type="type1")])
    assert sequences(filled.query(types=["type1"], after=page.next)) == [41]


def test_a_page_that_ends_exactly_at_the_last_match_has_no_more(filled):
    page = filled.query(stream="s1", limit=14)
    assert len(page.events) == 14
    assert not page.has_more
    assert filled.query(stream="s1", limit=13).has_more


def test_next_never_goes_back_when_after_is_ahead_of_the_log(filled):
    page = filled.query(after=100)
    assert (page.events, page.next, page.has_more) == ([], 100, False)


def test_a_dotted_field_name_is_found_before_a_path(log):
    log.append([NewEvent(type="t", data={"a.b": 1, "a": {"b": 2}})])
    assert log.query(where={"a.b": 1}).events
    assert not log.query(where={"a.b": 2}).events


@pytest.mark.parametrize(
    "filters",
    [{"limit": 0}, {"limit": 1001}, {"after": -1}, {"order": "up"}, {"stream": 7}, {"types": 3}, {"colour": "red"}],
)
def test_a_query_that_makes_no_sense_is_refused(log, filters):
    with pytest.raises(Invalid):
        log.query(**filters)


def test_a_query_may_be_given_whole_or_by_its_fields(filled):
    assert filled.query(Query(stream="s1", limit=2)) == filled.query(stream="s1", limit=2)
    assert filled.query(Query(stream="s1", limit=9), limit=2) == filled.query(stream="s1", limit=2)


def test_reading_starts_behind_a_sequence_and_sees_what_comes_meanwhile(filled):
    reader = filled.read(after=38)
    assert next(reader).sequence == 39
    filled.append([NewEvent(type="late")])
    assert [event.sequence for event in reader] == [40, 41]


def test_queries_cross_large_frames_and_many_positions(tmp_path):
    with EventLog.open(tmp_path, fsync="never") as log:
        for batch in range(12):
            log.append([NewEvent(type="rare" if n == batch else f"t{n % 3}", data={"n": n}) for n in range(1000)])
        rare = [batch * 1000 + batch + 1 for batch in range(12)]
        assert sequences(log.query(types=["rare"])) == rare
        assert sequences(log.query(types=["rare"], order="desc", limit=3)) == rare[:-4:-1]
        common = [n for n in range(1, 12001) if (n - 1) % 1000 % 3 == 1 and n not in rare]
        assert sequences(log.query(types=["t1"], after=4000, limit=1000)) == [n for n in common if n > 4000][:1000]
