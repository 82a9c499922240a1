"""A log of more streams than are kept in memory: what was saved of them is never believed if it is not whole."""

import random
import shutil

import pytest

from store import Append, EventLog, Limits, LogDamaged, NewEvent, Retention, verify
from store.format.clean_stop import CLEAN_STOP_NAME
from store.format.names_file import BLOCK, NAMES_NAME
from store.format.streams_file import STREAMS_NAME

FEW = Limits(segment_bytes=6000, reserve_bytes=0, streams_in_memory=8)
COUNT = 6 * BLOCK + 5


def name(number):
    return f"stream {number}"


def revision(number):
    return 1 + number % 3


def opened(path, **options):
    return EventLog.open(path, limits=FEW, sync=lambda _: None, **options)


@pytest.fixture(params=["native", "pure"])
def filled(request, tmp_path, monkeypatch):
    """A log in which each stream has 1 to 3 events, stopped in order."""
    monkeypatch.setenv("MOOTHALL_PURE", str(int(request.param == "pure")))
    path = tmp_path / "log"
    events = [number for number in range(COUNT) for _ in range(revision(number))]
    random.Random(5).shuffle(events)
    with opened(path) as log:
        for begin in range(0, len(events), 10):
            log.append([NewEvent(type="t", stream=name(number)) for number in events[begin : begin + 10]])
            log.step()
        while log.step():
            pass
        log.append([NewEvent(type="t")], stream="last")
    return path


def streams_are_right(log):
    """The property: each stream is where it is, whatever was saved and read."""
    assert [log.stream_revision(name(number)) for number in range(COUNT)] == list(map(revision, range(COUNT)))
    assert log.stream_revision("none") == 0
    assert log.stats().streams == COUNT + 1


def goes_on(log):
    for number in (0, 7, COUNT - 1):
        appended = log.append([NewEvent(type="more")], stream=name(number), expected_revision=revision(number))
        assert appended.revisions == {name(number): revision(number) + 1}
    assert log.append([NewEvent(type="more")], stream="new", expected_revision="no_stream").revisions == {"new": 1}


def test_streams_are_where_they_are_after_a_clean_stop_a_crash_and_without_what_was_saved(filled):
    assert (filled / NAMES_NAME).exists()
    for lost in ((), (CLEAN_STOP_NAME,), (STREAMS_NAME,), (NAMES_NAME,), (NAMES_NAME, STREAMS_NAME)):
        copy = filled.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        filled.rename(copy)  # not copied, so that the stop stays a clean one
        shutil.copytree(copy, filled)
        for each in lost:
            (copy / each).unlink()
        with opened(copy) as log:
            streams_are_right(log)
            goes_on(log)
        assert verify(copy).problems == []
        with opened(copy) as log:
            assert log.stream_revision(name(7)) == revision(7) + 1
        shutil.rmtree(copy)


def test_few_names_are_in_memory_after_a_clean_stop_and_while_many_come(filled):
    with opened(filled) as log:
        names = log._parts.table.streams
        assert len(names.numbers) < BLOCK
        streams_are_right(log)
        assert len(names.numbers) <= FEW.streams_in_memory + BLOCK
        for begin in range(0, 20 * BLOCK, 10):
            log.append([NewEvent(type="t", stream=f"new {number}") for number in range(begin, begin + 10)])
        assert len(names.numbers) < 8 * BLOCK
        assert log.query(stream="new 7").events[0].revision == 1
        streams = [event.stream for event in log.query(types=("t",), order="desc", limit=10).events]
        assert streams == [f"new {number}" for number in range(20 * BLOCK - 1, 20 * BLOCK - 11, -1)]
        assert log.stats().streams == COUNT + 1 + 20 * BLOCK


def test_streams_that_may_still_be_taken_back_are_not_in_the_file(filled):
    with opened(filled) as log:
        table, steps = log._parts.table, log.steps
        waiting = steps.stage([Append(events=[NewEvent(type="t", stream=f"w{n}") for n in range(BLOCK)], agent="a")])
        assert table.stored_streams() == COUNT + 1
        steps.flush(waiting)
        steps.settle(waiting)
        assert table.stored_streams() == COUNT + 1 + BLOCK


def damaged(path, every):
    for file in (NAMES_NAME, STREAMS_NAME):
        content = (path / file).read_bytes()
        for place in range(0, len(content), every):
            flipped = bytearray(content)
            flipped[place] ^= 1 << place % 8
            yield file, flipped
            yield file, content[:place]


def test_damage_to_what_was_saved_is_told_or_made_good_and_never_believed(filled):
    kept = filled.with_name("kept")
    shutil.copytree(filled, kept)
    told = 0
    for file, content in damaged(kept, every=61):
        (filled / file).write_bytes(content)
        try:
            with opened(filled) as log:
                streams_are_right(log)
        except LogDamaged:
            told += 1
            with opened(filled) as log:
                streams_are_right(log)
        assert verify(filled).problems == []
    assert told > 0


def test_who_only_reads_is_right_at_once_whatever_the_damage(filled):
    content = bytearray((filled / NAMES_NAME).read_bytes())
    content[len(content) // 3] ^= 4
    (filled / NAMES_NAME).write_bytes(content)
    with opened(filled, read_only=True) as log:
        streams_are_right(log)


def test_verify_finds_names_that_are_whole_and_of_another_log(filled, tmp_path):
    with opened(tmp_path / "other") as log:
        log.append([NewEvent(type="t", stream=f"other {number}") for number in range(COUNT + 1)])
    for file in (NAMES_NAME, STREAMS_NAME):
        shutil.copy(tmp_path / "other" / file, filled / file)
    with opened(filled) as log:  # its last event is another
        streams_are_right(log)


def test_a_log_that_has_forgotten_its_oldest_segments_knows_all_of_its_streams(filled):
    with opened(filled) as log:
        while log.step():
            pass
        assert log.retire(Retention(max_bytes=0)).segments > 1
        streams_are_right(log)
    (filled / STREAMS_NAME).unlink()
    with opened(filled) as log:
        streams_are_right(log)
        goes_on(log)
    assert verify(filled).ok
