"""Of several filters the one that leaves the fewest events is walked, whichever it is, in memory and in files."""

import pytest

from store import EventLog, FailIf, Limits, NewEvent, Query
from store.reading.segment_reader import Segment

COUNT = 3_000
RARE = {5, 1_700, 2_990}
BEHIND = {n + 1 for n in RARE}


@pytest.fixture(params=["active", "complete", "reopened"])
def log(request, tmp_path):
    """One stream, type, agent and correlation id that nearly all events have, and of each one that three have."""
    limits = Limits(segment_bytes=32 << 20 if request.param == "active" else 40_000, reserve_bytes=0)
    log = EventLog.open(tmp_path, "never", limits=limits)
    for n in range(COUNT):
        rare = n in RARE
        event = NewEvent(type="rare" if rare else "common", correlation_id="rare" if rare else "common", data={"n": n})
        log.append([event] * (1 + n % 3), stream="rare" if n in BEHIND else "big", agent="seldom" if rare else "often")
    if request.param != "active":
        while log.step():
            pass
    if request.param == "reopened":
        log.close()
        log = EventLog.open(tmp_path, limits=limits)
    with log:
        yield log


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"stream": "big", "types": ["rare"]}, RARE),
        ({"stream": "big", "agents": ["seldom"]}, RARE),
        ({"stream": "big", "correlation_id": "rare"}, RARE),
        ({"types": ["common"], "agents": ["seldom", "nobody"]}, set()),
        ({"types": ["common", "rare"], "stream": "big", "correlation_id": "rare", "agents": ["seldom"]}, RARE),
        ({"stream": "rare", "types": ["common"], "agents": ["often"], "correlation_id": "common"}, BEHIND),
    ],
)
def test_it_looks_at_no_more_events_than_that_one_leaves(log, filters, wanted, order):
    few = len(RARE) * 3 + 1
    page = log.query(**filters, order=order, max_scan=few)
    found = {event.data["n"] for event in page.events}
    assert found == wanted
    assert not page.unfinished


def test_a_condition_on_a_rare_type_in_a_large_stream_looks_at_no_more(log, monkeypatch):
    looked = []
    real = Segment.events_at

    def noted(self, positions):
        looked.extend(positions := list(positions))
        return real(self, positions)

    monkeypatch.setattr(Segment, "events_at", noted)
    condition = FailIf(query=Query(stream="big", types=("rare",), where={"n": -1}), after=0)
    log.append([NewEvent(type="t")], fail_if=condition)
    assert len(looked) <= len(RARE) * 3
