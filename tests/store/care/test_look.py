"""Reading the files of a log without opening it."""

import pytest

from store import EventLog, Invalid, Limits, LogDamaged, NewEvent
from store.care.read_only import look

SMALL = Limits(segment_bytes=900, reserve_bytes=0)


@pytest.fixture
def place(tmp_path):
    with EventLog.open(tmp_path / "log", limits=SMALL) as log:
        for _ in range(8):
            log.append([NewEvent(type="note")] * 3, stream="s")
    return tmp_path / "log"


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4, 22, 23, 24, 99])
def test_the_events_after_a_sequence_are_given_wherever_in_an_append_it_is(place, after):
    record, events = look(place, after)
    assert record.last == 0
    assert [event.sequence for event in events] == [*range(after + 1, 25)]


def test_what_is_damaged_is_refused_before_an_event_is_given(place):
    min(place.glob("*.segment")).write_bytes(b"")
    with pytest.raises(LogDamaged):
        look(place)


def test_what_changes_while_it_is_read_is_told(place):
    _, events = look(place)
    segment = min(place.glob("*.segment"))
    content = segment.read_bytes()
    segment.write_bytes(content[:-5] + bytes(5))
    with pytest.raises(LogDamaged, match="changed while it was read"):
        list(events)
    segment.write_bytes(content)
    _, events = look(place)
    segment.unlink()
    with pytest.raises(Invalid, match="left the log while it was read"):
        list(events)
