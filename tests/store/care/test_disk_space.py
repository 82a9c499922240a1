"""How long the disk lasts is told while there is time to do something."""

import pytest

from store import EventLog, Limits, NewEvent, bytes_per_day, disk_warning, stats
from store.care.disk_space import LOW_BYTES

GIB = 1 << 30
DAY_NS = 86_400 * 10**9


def test_a_disk_that_lasts_is_not_worth_a_word():
    assert disk_warning("log", 100 * GIB, 0) == ""
    assert disk_warning("log", 100 * GIB, 10 * GIB) == ""
    assert disk_warning("log", LOW_BYTES, 0) == ""
    assert disk_warning("log", 70 * GIB, 10 * GIB) == ""


@pytest.mark.parametrize(
    ("free", "per_day", "says"),
    [(LOW_BYTES // 2, 0, "256 MiB left: "), (100 * GIB, 50 * GIB, "2.0 days at 51200 MiB a day"), (0, 1, "0.0 days")],
)
def test_a_disk_that_will_soon_be_full_is_told_with_its_days_and_what_to_do(free, per_day, says):
    warning = disk_warning("log", free, per_day)
    assert says in warning
    assert "`retain_days`" in warning


def test_a_minute_of_work_is_not_taken_for_what_a_day_will_bring():
    assert bytes_per_day(1000, 60) == bytes_per_day(1000, 3600) == 24_000
    assert bytes_per_day(1000, 12 * 3600) == 2000


def test_the_figures_take_the_growth_from_the_last_day(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("store.care.stats.free_bytes", lambda _directory: 10_000)
    first = 20_000 * DAY_NS
    with EventLog.open(tmp_path, clock_ns=clock, limits=Limits(segment_bytes=3000, reserve_bytes=100)) as log:
        for hour in (0, 30, 31, 50, 51, 52):
            clock.now_ns = first + hour * DAY_NS // 24
            for _ in range(10):
                log.append([NewEvent(type="note", data="x" * 100)])
    whole, now = stats(tmp_path, lambda: clock.now_ns), clock.now_ns
    frames = whole.bytes - whole.segments * 64
    assert whole.bytes_per_day == pytest.approx(frames / 6 * 5, rel=0.1)
    assert whole.days_left == pytest.approx(10_000 / whole.bytes_per_day, rel=0.01)
    assert "days at" in whole.warning
    idle = stats(tmp_path, lambda: now + 2 * DAY_NS)
    assert (idle.bytes_per_day, idle.days_left, idle.free_bytes) == (0, None, 10_000)
