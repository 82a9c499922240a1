"""What a page has no room for is kept, decoded, for the next one; nobody sees anything outdated or shared by it."""

import pytest

from store import EventLog, Limits, NewEvent, Retention
from store.reading.segment_reader import Segment

COUNT = 60
SMALL = Limits(segment_bytes=900, reserve_bytes=0)


def filled(path, limits=None):
    log = EventLog.open(path, "never", limits=limits)
    for first in range(0, COUNT, 20):
        log.append([NewEvent(type="t", data={"n": n}, stream=f"s{n % 2}") for n in range(first, first + 20)])
    return log


def onwards(page, order):
    return {"after" if order == "asc" else "before": page.next, "order": order}


def pages(log, order, **asked):
    """Yield pages one by one."""
    page = log.query(order=order, **asked)
    yield page
    while page.has_more:
        page = log.query(**onwards(page, order), **asked)
        yield page


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("asked", [{}, {"where": {"n": {"$gte": 7}}}, {"hidden": ["s1"]}])
@pytest.mark.parametrize("limit", [1, 3, 7, 50])
@pytest.mark.parametrize("limits", [None, SMALL])
def test_page_after_page_gives_all_events_once(tmp_path, order, asked, limit, limits):
    with filled(tmp_path, limits) as log:
        events = [event for page in pages(log, order, limit=limit, **asked) for event in page]
        assert events == log.query(order=order, limit=1000, **asked).events


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_most_pages_are_read_without_decoding_anything(tmp_path, order, monkeypatch):
    with filled(tmp_path) as log:
        read, real = [], Segment.events_at
        monkeypatch.setattr(Segment, "events_at", lambda self, at: read.append(at) or real(self, at))
        assert sum(1 for _ in pages(log, order, limit=2)) == COUNT // 2
        assert len(read) == 3


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_two_who_ask_share_no_event(tmp_path, order):
    with filled(tmp_path) as log:
        seen = []
        for mine in pages(log, order, limit=4):
            seen += mine
            for limit in (COUNT, COUNT, 2, 2):
                seen += log.query(limit=limit, **onwards(mine, order))
            seen += log.query(order=order, limit=4)
        for event in seen:
            event.data.clear()  # their own copy
        assert len({id(event) for event in seen}) == len(seen)
        assert all(event.data for event in log.query(limit=COUNT))


@pytest.mark.parametrize("reader", ["the same", "another"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_what_is_erased_between_two_pages_is_not_on_the_second(tmp_path, reader, order):
    with filled(tmp_path) as log, EventLog.open(tmp_path, read_only=True) as other:
        log.append([NewEvent(type="t", data={"n": COUNT}, stream="s0")])  # the last frame stays as it is
        asked = log if reader == "the same" else other
        page = asked.query(order=order, limit=4)
        page = asked.query(limit=4, **onwards(page, order))  # reads on
        log.erase("s1")
        left = asked.query(limit=COUNT, **onwards(page, order)).events
        left = [event for event in left if event.stream in {"s0", "s1"}]
        assert [bool(event.data) for event in left] == [event.stream == "s0" for event in left]
        assert len({event.stream for event in left}) == 2


def test_what_is_retired_between_two_pages_is_not_held(tmp_path):
    with filled(tmp_path, SMALL) as log:
        log.query(after=log.query(limit=1).next, limit=1)
        assert log._committed._ahead._kept is not None
        log.retire(Retention(max_bytes=1))
        assert log._committed._ahead._kept is None
        assert log.query(limit=1).events[0].sequence == log.first_sequence


def test_large_events_are_not_kept(tmp_path):
    with EventLog.open(tmp_path, "never") as log:
        log.append([NewEvent(type="t", data="x" * 9_000) for _ in range(30)])
        for page in pages(log, "asc", limit=1):
            kept = log._committed._ahead._kept
            assert page.events
            assert kept is None or sum(kept.sized[1]) <= 1 << 17


@pytest.mark.parametrize("max_scan", [1, 2, 9])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_no_more_is_looked_at_than_may_be_whatever_was_kept(tmp_path, order, max_scan):
    with filled(tmp_path) as log:
        for _ in pages(log, order, limit=5):
            kept = log._committed._ahead._kept
            if kept is not None:
                first = kept.position + 1
                bound = {"after": first - 1} if order == "asc" else {"before": first + 1}
                page = log.query(order=order, limit=50, max_scan=max_scan, **bound)
                assert len(page.events) == min(max_scan, first if order == "desc" else COUNT + 1 - first)
                assert page.events[0].sequence == first
