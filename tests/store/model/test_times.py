"""Times on the wire lose nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.model.times import from_rfc3339, to_rfc3339

A_DAY_AFTER_1970_IN_NS = 86_400 * 10**9


@given(st.integers(0, 253_402_300_799_999_999_999))
def test_what_is_written_reads_back_to_the_nanosecond(time_ns: int):
    assert from_rfc3339(to_rfc3339(time_ns)) == time_ns


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-02T00:00:00Z", A_DAY_AFTER_1970_IN_NS),
        ("1970-01-02t00:00:00z", A_DAY_AFTER_1970_IN_NS),
        ("1970-01-02 00:00:00+00:00", A_DAY_AFTER_1970_IN_NS),
        ("1970-01-02T01:30:00+01:30", A_DAY_AFTER_1970_IN_NS),
        ("1970-01-01T19:00:00.5-05:00", A_DAY_AFTER_1970_IN_NS + 500_000_000),
        ("1970-01-02T00:00:00.000000001Z", A_DAY_AFTER_1970_IN_NS + 1),
    ],
)
def test_every_spelling_of_rfc_3339_is_read(text: str, time_ns: int):
    assert from_rfc3339(text) == time_ns


@pytest.mark.parametrize(
    "text", ["", "now", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00.1234567890Z"]
)
def test_anything_else_is_refused_with_an_example(text: str):
    with pytest.raises(ValueError, match="RFC 3339"):
        from_rfc3339(text)
