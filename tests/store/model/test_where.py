"""Conditions on payload fields."""

import pytest

from store import Invalid, NewEvent

ROWS = [1, 2, 2.5, "a", "b", True, None, [1], {"$gt": 1}, {"gt": 1}]


@pytest.fixture
def rows(log):
    for row in ROWS:
        log.append([NewEvent(type="t", data={"v": row, "in": {"v": row}})])
    log.append([NewEvent(type="t", data={"other": 1})])
    return log


def found(log, where):
    return [event.data["v"] for event in log.query(where=where).events]


@pytest.mark.parametrize("path", ["v", "in.v"])
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"$gt": 1}, [2, 2.5]),
        ({"$gte": 2}, [2, 2.5]),
        ({"$lt": 2.5}, [1, 2]),
        ({"$lte": 2.5, "$gt": 1}, [2, 2.5]),
        ({"$gt": "a"}, ["b"]),
        ({"$lte": "a"}, ["a"]),
        ({"$in": [1, "b", None]}, [1, "b", None]),
        ({"$in": [True]}, [True]),
        ({"$in": []}, []),
        ({"$ne": 1}, [row for row in ROWS if row is True or row != 1]),
        ({"$eq": {"$gt": 1}}, [{"$gt": 1}]),
        ({"$eq": 2, "$in": [1, 2]}, [2]),
        ({"gt": 1}, [{"gt": 1}]),
        ({}, []),
        (1, [1]),
        ([1], [[1]]),
    ],
)
def test_a_condition_is_a_value_or_operators(rows, path, condition, expected):
    assert found(rows, {path: condition}) == expected


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ({"$near": 1}, "use one of"),
        ({"$in": 1}, "give a list"),
        ({"$gt": True}, "give a number or a string"),
        ({"$lt": None}, "give a number or a string"),
    ],
)
def test_an_operator_that_makes_no_sense_is_refused(log, condition, why):
    with pytest.raises(Invalid, match=why):
        log.query(where={"v": condition})


def test_a_dict_with_other_keys_beside_an_operator_is_a_value(rows):
    assert found(rows, {"v": {"$gt": 1, "x": 2}}) == []


def test_membership_compares_as_equality_does(log):
    same = [1, 1.0, True, False, 0, None, "1", [], [1], [True], {}, {"a": [1]}, {"a": [True]}, {"a": None}]
    for value in same:
        log.append([NewEvent(type="t", data={"v": value})])
    for value in same:
        by_equality = [event.sequence for event in log.query(where={"v": {"$eq": value}}).events]
        assert by_equality
        assert [event.sequence for event in log.query(where={"v": {"$in": [value]}}).events] == by_equality


def test_what_one_event_costs_does_not_grow_with_the_values_of_a_membership(log, monkeypatch):
    log.append([NewEvent(type="t", data={"v": -1})])
    calls = []
    monkeypatch.setattr("store.model.where.same", lambda *values: calls.append(values))
    assert not log.query(where={"v": {"$in": list(range(5000))}}).events
    assert not calls


@pytest.mark.parametrize(
    "where", [{"v": {"$in": list(range(20_000))}}, {"a." * 20_000: 1}, {f"field {n}": 1 for n in range(5000)}]
)
def test_a_condition_that_would_hold_up_everybody_is_refused(log, where):
    with pytest.raises(Invalid, match="32768 is the most"):
        log.query(where=where)


def test_an_operand_that_no_payload_can_have_is_refused(log):
    for value in (2**70, object()):
        with pytest.raises(Invalid, match="use plain JSON values"):
            log.query(where={"v": value})
