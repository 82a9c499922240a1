"""When an index file may stand for a segment: one thing that does not fit, and the segment is read."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from store.recovery.trusted_indexes import _agree, _Seen

SALT = b"s" * 16
HEADER = SimpleNamespace(salt=SALT, first_sequence=11)
INDEX = {"salt": SALT, "first_sequence": 11, "segment_bytes": 4000, "last_sequence": 20}


def agrees(durable=20, following=21, **index):
    return _agree(_Seen("a", 4000, HEADER), HEADER, SimpleNamespace(**{**INDEX, **index}), durable, following)


def test_an_index_file_that_fits_stands_for_its_segment():
    assert agrees()
    assert agrees(durable=25)
    assert agrees(following=None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"salt": b"t" * 16},
        {"first_sequence": 10},
        {"segment_bytes": 3999},
        {"segment_bytes": 4001},
        {"durable": 19},
        {"following": 22},
        {"following": 20},
    ],
)
def test_an_index_file_of_another_segment_or_of_events_that_were_not_durable_stands_for_none(wrong):
    assert not agrees(**wrong)
