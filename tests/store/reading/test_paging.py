"""What a page holds, and how a search that was cut into slices goes on."""

import pytest

from store import EventLog, Limits, MemoryLog, NewEvent

SMALL = NewEvent(type="small", data={"n": 1})
LARGE = NewEvent(type="large", data={"text": "x" * 500})
LIMITS = Limits(page_bytes=1000, look_bytes=1, segment_bytes=4000, reserve_bytes=100)


@pytest.fixture(params=["files", "memory"])
def log(request, tmp_path):
    files = request.param == "files"
    opened = (
        EventLog.open(tmp_path / "log", limits=LIMITS, sync=lambda _fd: None) if files else MemoryLog(limits=LIMITS)
    )
    with opened:
        yield opened


def pages_of(log, **asked):
    """Follow pages to the end."""
    cursor = "before" if asked.get("order") == "desc" else "after"
    pages = [log.query(**asked)]
    while pages[-1].has_more:
        pages.append(log.query(**asked, **{cursor: pages[-1].next}))
    return pages


def sequences(pages):
    return [event.sequence for page in pages for event in page.events]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("filters", [{}, {"types": ["large"]}, {"where": {"text": {"$gt": "w"}}}, {"stream": "s"}])
def test_a_page_ends_before_its_bytes_are_too_many_and_the_next_one_goes_on(log, order, filters):
    for _ in range(6):
        log.append([LARGE, SMALL], stream="s")
    wanted = [n for n in range(1, 13) if n % 2 or not filters.keys() & {"types", "where"}]
    pages = pages_of(log, **filters, order=order)
    assert sequences(pages) == (wanted if order == "asc" else wanted[::-1])
    assert len(pages) == 6
    assert all(page.bytes <= LIMITS.page_bytes for page in pages)
    assert not any(page.unfinished for page in pages)


def test_an_event_larger_than_a_page_is_a_page_of_its_own(log):
    log.append([SMALL, NewEvent(type="huge", data={"text": "x" * 3000}), SMALL])
    pages = pages_of(log)
    assert [len(page.events) for page in pages] == [1, 1, 1]
    assert pages[1].bytes > LIMITS.page_bytes


def test_the_events_of_one_frame_may_be_on_several_pages(log):
    log.append([LARGE] * 7)
    assert sequences(pages_of(log)) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_slice_ends_when_it_has_looked_at_its_bytes_however_few_events_those_are(log, order):
    for _ in range(10):
        log.append([LARGE])
    log.append([SMALL])
    page = log.query(types=["small", "large"], where={"n": 1}, order=order, max_scan=500)
    slices = 1
    while page.unfinished:
        page = log.query(types=["small", "large"], where={"n": 1}, order=order, max_scan=500, onto=page)
        slices += 1
    assert sequences([page]) == [11]
    assert slices == 11  # a page of bytes would be five or so


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("max_scan", [1, 2, 7])
@pytest.mark.parametrize("asked", [{}, {"limit": 3}, {"where": {"n": 1}, "limit": 5}, {"after": 4, "before": 15}])
def test_a_page_grown_in_slices_is_the_page_found_at_once(log, order, max_scan, asked):
    for n in range(20):
        log.append([LARGE if n % 5 == 0 else SMALL])
    page = log.query(**asked, order=order, max_scan=max_scan)
    while page.unfinished:
        page = log.query(**asked, order=order, max_scan=max_scan, onto=page)
    whole = log.query(**asked, order=order)
    assert (page.events, page.bytes) == (whole.events, whole.bytes)
    assert page.has_more or not whole.has_more


def test_a_large_frame_is_read_an_event_at_a_time(tmp_path, monkeypatch):
    with EventLog.open(tmp_path) as log:
        log.append([NewEvent(type="t", data={"text": "x" * 50_000})] * 100)
        log.append([SMALL])
        read = []
        pread = __import__("os").pread
        monkeypatch.setattr("os.pread", lambda fd, size, at: read.append(size) or pread(fd, size, at))
        page = log.query()
        assert len(page.events) == 20
        assert sum(read) < 2 << 20
