"""The quick way of a log that waits for no disk: what it must refuse is refused, and leaves nothing behind."""

import os

import pytest

from store import EventLog, NewEvent, RevisionConflict, verify

NOTE = NewEvent(type="note")


@pytest.fixture
def log(tmp_path):
    with EventLog.open(tmp_path / "log", fsync="never") as opened:
        for _ in range(3):
            opened.append([NOTE], stream="s", agent="a")
        yield opened


@pytest.mark.parametrize("expected", [0, 2, 4, "no_stream"])
def test_a_stale_expected_revision_is_refused(log, expected):
    with pytest.raises(RevisionConflict) as caught:
        log.append([NOTE], stream="s", agent="a", expected_revision=expected)
    assert (caught.value.expected, caught.value.actual) == (expected, 3)
    assert (log.head, log.stream_revision("s")) == (3, 3)


@pytest.mark.parametrize("expected", [3, "exists", "any"])
def test_a_fitting_one_is_accepted(log, expected):
    assert log.append([NOTE], stream="s", agent="a", expected_revision=expected).revisions == {"s": 4}


def test_what_was_written_in_part_is_removed_before_the_other_way_writes_it_again(log, tmp_path, monkeypatch):
    pwritev, seen = os.pwritev, []

    def half_at_first(fd, parts, offset):
        seen.append((offset, os.fstat(fd).st_size))
        return os.pwrite(fd, b"".join(parts)[:10], offset) if len(seen) == 1 else pwritev(fd, parts, offset)

    monkeypatch.setattr(os, "pwritev", half_at_first)
    stored = log.append([NOTE, NOTE], stream="s", agent="a")
    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert (stored.first_sequence, stored.last_sequence, stored.revisions) == (4, 5, {"s": 5})
    assert log.append([NOTE], stream="s", agent="a").revisions == {"s": 6}
    assert [event.revision for event in log.query(stream="s").events] == [1, 2, 3, 4, 5, 6]
    log.close()
    assert verify(tmp_path / "log").problems == []
