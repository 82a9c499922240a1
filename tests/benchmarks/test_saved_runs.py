"""What other programs read of a run, what is kept of it, and whether a later one is worse."""

from __future__ import annotations

import json

import pytest

from benchmarks.measuring import comparison
from benchmarks.measuring.figure import RecordError, line, load, save


def test_a_line_has_the_fields_of_the_contract(figure, record):
    assert set(json.loads(line(figure()))) == {
        "suite", "work", "subject", "value", "unit", "better", "durability", "spread", "runs",
    }  # fmt: skip
    assert set(json.loads(line(record([]).conditions))) == {"machine", "version", "revision"}


def test_a_line_of_a_peer_says_from_where_to_where_the_ratio_went_over_the_rounds(figure):
    assert json.loads(line(figure(subject="pykka", times_better=(0.5, 2.0))))["times_better"] == [0.5, 2.0]


def test_a_saved_run_is_read_back(figure, record, tmp_path):
    run = record([figure(), figure(2.0, subject="pykka", times_better=(0.5, 2.0))])
    save(run, tmp_path / "run.json")
    assert load(tmp_path / "run.json") == run


@pytest.mark.parametrize("content", [b"", b"{}", b'{"conditions": 1, "figures": []}'])
def test_a_file_that_is_no_run_is_refused_by_name(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"run\.json.*--save"):
        load(path)


@pytest.mark.parametrize(
    ("saved", "now", "worse"),
    [
        ({}, {"value": 10.0}, False),
        ({}, {"value": 11.9}, False),
        ({}, {"value": 12.1}, True),
        ({}, {"value": 5.0}, False),
        ({"spread": (9.0, 30.0)}, {"value": 20.0}, False),
        ({"better": "higher"}, {"value": 20.0, "better": "higher"}, False),
        ({"better": "higher"}, {"value": 7.9, "better": "higher"}, True),
    ],
)
def test_a_figure_is_worse_when_it_lost_more_than_half_of_both_spreads(figure, saved, now, worse):
    saved, now = figure(**saved), figure(**now)
    assert comparison.is_worse(saved, now) is worse
    assert bool(comparison.regressions([saved], [now])) is worse


def test_only_our_own_figures_are_judged_and_a_peer_that_moved_too_is_told(figure):
    saved = [figure(10.0), figure(10.0, subject="pykka")]
    now = [figure(30.0), figure(20.0, subject="pykka")]
    (regression,) = comparison.regressions(saved, now)
    assert str(regression) == "kernel: ask: 30 us, was 10 (3.00x worse; pykka 2.00x)"
    assert comparison.in_common(saved, now) == 1


def test_figures_of_another_durability_are_not_compared(figure):
    saved, now = [figure(10.0, durability="never")], [figure(99.0, durability="always")]
    assert comparison.regressions(saved, now) == []
    assert comparison.in_common(saved, now) == 0
