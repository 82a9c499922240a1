"""The quick way of a log that waits for no disk: what it must refuse is refused, and leaves nothing behind."""

import math
import os

import pytest

from store import EventLog, Invalid, Limits, NewEvent, RevisionConflict, verify
from store.format.names_file import BLOCK

NOTE = NewEvent(type="note")


@pytest.fixture(params=["native", "pure"], autouse=True)
def _way(request, monkeypatch):
    monkeypatch.setenv("MOOTHALL_PURE", str(int(request.param == "pure")))


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


def names(log):
    table = log._parts.table
    return [*table.streams], [*table.types.names], [*table.agents.names]


@pytest.mark.parametrize("expected", [None, 0, "no_stream"])
@pytest.mark.parametrize("stream", [None, "new"])
def test_what_begins_a_stream_goes_the_quick_way(log, monkeypatch, expected, stream):
    monkeypatch.setattr(log, "commit", None)
    event = NewEvent(type="said", correlation_id="c")
    stored = log.append([event], stream=stream, agent="b", expected_revision=expected)
    assert stored.revisions == {stream or "agent/b": 1}
    assert [each.sequence for each in log.query(types="said", agents="b", correlation_id="c").events] == [4]


@pytest.mark.parametrize(
    "event",
    [
        NewEvent(type="said", data=math.nan),
        NewEvent(type="said\n"),
        NewEvent(type="said", stream=""),
        NewEvent(type=["said"]),
        NewEvent(type="said", correlation_id=7),
    ],
)
def test_the_names_of_a_refused_append_are_forgotten(log, event):
    before = names(log)
    with pytest.raises(Invalid):
        log.append([NewEvent(type="early", stream="other"), event], stream="new", agent="a")
    assert names(log) == before
    assert log._steps.commit_quickly([event], "new", "b", None) is None
    assert names(log) == before
    assert log.append([NOTE], stream="new", agent="a").revisions == {"new": 1}


def test_a_stream_begins_once_though_the_disk_refuses_at_first(log, tmp_path, monkeypatch):
    pwritev, seen = os.pwritev, []

    def half_at_first(fd, parts, offset):
        seen.append(offset)
        return os.pwrite(fd, b"".join(parts)[:10], offset) if len(seen) == 1 else pwritev(fd, parts, offset)

    monkeypatch.setattr(os, "pwritev", half_at_first)
    assert log.append([NewEvent(type="said")], stream="new", agent="b").revisions == {"new": 1}
    assert names(log) == (["s", "new"], ["note", "said"], ["a", "b"])
    assert len(seen) == 2
    log.close()
    assert verify(tmp_path / "log").problems == []


def test_few_names_stay_in_memory_though_each_append_begins_a_stream(tmp_path):
    limits = Limits(streams_in_memory=8)
    with EventLog.open(tmp_path / "few", fsync="never", limits=limits) as log:
        for n in range(3 * BLOCK):
            log.append([NOTE], stream=f"s{n}")
        assert len(log._parts.table.streams.numbers) <= 8 + 2 * BLOCK
