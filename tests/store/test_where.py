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
