"""A query by time alone looks only where the time is."""

import pytest

from store import EventLog, Limits, NewEvent

NOTE = NewEvent(type="note", data={"n": 1})


def filled(path, clock, times, segment_bytes=20_000):
    log = EventLog.open(path, clock_ns=clock, limits=Limits(segment_bytes=segment_bytes), sync=lambda _fd: None)
    for clock.now_ns in times:
        log.append([NOTE, NOTE])
    return log


def found(log, **asked):
    return [event.sequence for event in log.query(**asked, limit=1000).events]


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize(
    ("since", "until"), [(395, 405), (400, 401), (0, 5), (795, 10_000), (401, 401), (None, 3), (799, None)]
)
def test_it_finds_exactly_the_events_of_the_time(tmp_path, clock, stop, since, until):
    log = filled(tmp_path, clock, range(800))
    if stop:
        log.close()
        log = EventLog.open(tmp_path, clock_ns=clock)
    with log:
        wanted = [n for n in range(1, 1601) if (since or 0) <= (n - 1) // 2 < (until or 10_000)]
        assert found(log, since_ns=since, until_ns=until) == wanted
        assert found(log, since_ns=since, until_ns=until, order="desc") == wanted[::-1]


@pytest.mark.parametrize(
    "asked", [{"since_ns": 300, "until_ns": 302}, {"since_ns": 300, "until_ns": 302, "order": "desc"}]
)
def test_it_is_found_in_a_few_looks_wherever_it_is(tmp_path, clock, asked):
    with filled(tmp_path, clock, range(800)) as log:
        page = log.query(**asked, max_scan=5)
        assert (len(page.events), page.unfinished) == (4, False)


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("times", [[*range(100, 200), *range(50, 150)], [*range(100, 250), *range(50, 100)]])
def test_a_clock_that_stepped_back_hides_nothing(tmp_path, clock, stop, times):
    log = filled(tmp_path, clock, times, segment_bytes=200_000)
    if stop:
        log.close()
        log = EventLog.open(tmp_path, clock_ns=clock)
    with log:
        for since, until in ((120, 130), (60, 130), (140, 199), (0, 90)):
            wanted = [n for n in range(1, 401) if since <= times[(n - 1) // 2] < until]
            assert found(log, since_ns=since, until_ns=until) == wanted
