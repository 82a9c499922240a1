"""Following a log in a loop that blocks: each event once and in order, also those that come meanwhile."""

import threading

import pytest

from store import EventLog, Invalid


def test_what_is_there_behind_a_sequence_comes_first_and_then_what_is_new(log):
    log.append([{"type": "a", "data": n} for n in range(5)])
    found = []
    for event in log.subscribe(2, wait_s=30, types="a"):
        found.append(event.data)
        if event.data < 9:
            log.append([{"type": "b"}, {"type": "a", "data": log.query(types="a", order="desc").events[0].data + 1}])
        if event.data == 9:
            break
    assert found == [*range(2, 10)]


def test_without_a_sequence_it_begins_with_what_is_new_whichever_thread_appends(log):
    log.append({"type": "old"})
    following = log.subscribe(wait_s=30)
    writer = threading.Timer(0.05, lambda: [log.append({"type": "new", "data": n}) for n in range(50)])
    writer.start()
    found = []
    for event in following:
        found.append(event.data)
        if len(found) == 50:
            break
    writer.join()
    assert found == [*range(50)]


def test_it_ends_once_nothing_came_for_as_long_as_was_said(log):
    log.append({"type": "a"})
    assert [event.type for event in log.subscribe(0, wait_s=0.02)] == ["a"]
    assert list(log.subscribe(wait_s=0.02)) == []
    assert [event.type for event in log.subscribe(0, wait_s=0)] == ["a"]
    assert [event.sequence for event in log.subscribe(0, before=2)] == [1]


def test_a_reader_without_a_lock_follows_another_opening_of_the_log(tmp_path):
    with EventLog.open(tmp_path) as log, EventLog.open(tmp_path, read_only=True) as reader:
        log.append({"type": "a"})
        following = reader.subscribe(0, wait_s=30)
        assert next(following).sequence == 1
        log.append([{"type": "b"}, {"type": "c"}])
        assert [next(following).type, next(following).type] == ["b", "c"]


def test_filters_that_are_not_understood_are_told_at_once(log):
    with pytest.raises(Invalid, match="a query has no typ"):
        log.subscribe(typ="a")
