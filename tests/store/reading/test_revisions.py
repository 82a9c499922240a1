"""From revision r of a stream, up to revision r: in memory, in files that grow, and in files that are complete."""

import pytest

from store import ConditionFailed, EventLog, FailIf, Invalid, Limits, MemoryLog, NewEvent, Query
from store.reading import revision_bounds
from store.reading.segment_reader import Segment

COUNT = 900


@pytest.fixture(params=["memory", "active", "complete", "reopened"])
def log(request, tmp_path):
    """Three events in four are of `s`; the others of a hundred streams."""
    limits = Limits(segment_bytes=32 << 20 if request.param == "active" else 8_000, reserve_bytes=0)
    log = MemoryLog() if request.param == "memory" else EventLog.open(tmp_path, "never", limits=limits)
    for n in range(0, COUNT, 3):
        log.append([NewEvent(type=f"t{m % 2}", stream="s" if m % 4 else f"o{m % 100}") for m in range(n, n + 3)])
    if request.param in {"complete", "reopened"}:
        while log.step():
            pass
    if request.param == "reopened":
        log.close()
        log = EventLog.open(tmp_path, limits=limits)
    with log:
        yield log


def revisions(log, **asked):
    return [event.revision for event in log.query(stream="s", **asked).events]


LAST = COUNT // 4 * 3


@pytest.mark.parametrize("after", [0, 1, 7, 200, 500, LAST - 2, LAST, LAST + 5, None])
@pytest.mark.parametrize("before", [0, 1, 9, 400, LAST, LAST + 1, 10_000, None])
def test_exactly_the_revisions_between_are_found(log, after, before):
    wanted = [*range((after or 0) + 1, min(LAST + 1, LAST + 1 if before is None else before))]
    given = {
        name: value for name, value in (("after_revision", after), ("before_revision", before)) if value is not None
    }
    assert revisions(log, **given, limit=1000) == wanted
    assert revisions(log, **given, limit=1000, order="desc") == wanted[::-1]
    assert revisions(log, **given, limit=5) == wanted[:5]
    assert revisions(log, **given, limit=5, order="desc") == wanted[:-6:-1]


def test_other_filters_and_pages_go_with_them(log):
    page = log.query(stream="s", after_revision=100, before_revision=200, types=["t1"], limit=10)
    found = [*page.events]
    while page.has_more:
        page = log.query(stream="s", after_revision=100, before_revision=200, types=["t1"], limit=10, after=page.next)
        found += page.events
    everything = log.query(stream="s", limit=1000).events
    assert found == [event for event in everything if 100 < event.revision < 200 and event.type == "t1"]


def test_a_stream_that_is_not_there_has_none(log):
    assert not log.query(stream="nowhere", after_revision=3).events


def test_a_condition_may_be_about_them(log):
    with pytest.raises(ConditionFailed):
        log.append([NewEvent(type="t")], fail_if=FailIf(query=Query(stream="s", after_revision=LAST - 1)))
    log.append([NewEvent(type="t")], fail_if=FailIf(query=Query(stream="s", after_revision=LAST)))


@pytest.mark.parametrize("field", ["after_revision", "before_revision"])
def test_without_a_stream_they_are_refused(log, field):
    with pytest.raises(Invalid, match="say which with `stream`"):
        log.query(**{field: 3})
    with pytest.raises(Invalid):
        log.query(stream="s", after_revision=-1)


@pytest.mark.parametrize("asked", [{"after_revision": 600}, {"before_revision": 80, "order": "desc"}])
def test_the_events_before_them_are_not_looked_at(log, asked, monkeypatch):
    if isinstance(log, MemoryLog):
        return
    looked, real = [], Segment.events_at

    def noted(self, positions):
        looked.extend(positions := list(positions))
        return real(self, positions)

    monkeypatch.setattr(Segment, "events_at", noted)
    monkeypatch.setattr(revision_bounds, "_NEAR", 4)
    assert len(revisions(log, **asked, limit=3)) == 3
    assert len(looked) < 20
