"""The tables for the terminal and the pages that are made of a saved run."""

from __future__ import annotations

import pytest

from benchmarks.measuring import pages, table
from benchmarks.measuring.figure import PURE, US, load, save
from benchmarks.measuring.machine import ROOT


def test_the_better_one_is_bold_even_when_it_is_the_peer(figure, record):
    text = pages.every_figure(record([figure(20.0), figure(10.0, subject="pykka")]))
    assert "| ask |  | 20.0 us | pykka **10.0 us**, 2x better |" in text


@pytest.mark.parametrize(
    ("ours", "theirs", "better", "said"),
    [
        (20.0, 10.0, "lower", "2x better"),
        (10.0, 20.0, "lower", "2x worse"),
        (20.0, 10.0, "higher", "2x worse"),
        (10.0, 10.01, "lower", "the same"),
        (0.0, 10.0, "lower", ""),
    ],
)
def test_a_peer_is_said_to_be_better_or_worse_than_we_are(figure, ours, theirs, better, said):
    assert table.against(figure(ours, better=better), figure(theirs, better=better, subject="pykka")) == said


def test_a_row_names_its_durability_and_how_many_times_better_we_are(figure, record):
    ours = figure(500_000.0, better="higher", suite="store", work="append", durability="never")
    theirs = figure(40_000.0, better="higher", suite="store", work="append", durability="never", subject="sqlite3")
    text = pages.every_figure(record([ours, theirs]))
    assert "| append | no fsync | **500,000 events/s** | sqlite3 40,000 events/s, 12.5x worse |" in text
    assert text.startswith("Moothall 0.1.0 on 2 CPUs (A Processor)")


def test_work_that_only_a_peer_does_has_a_row_too(figure, record):
    text = pages.every_figure(record([figure(4.0, subject="trio")]))
    assert "| ask |  |  | trio 4 us |" in text


def test_the_same_work_of_two_durabilities_has_two_rows(figure):
    rows = table.rows(
        [figure(durability="always"), figure(durability="never"), figure(durability="always", subject="x")]
    )
    assert [(row.ours.durability, len(row.peers)) for row in rows] == [("always", 1), ("never", 0)]


def test_only_what_is_between_the_markers_is_replaced_and_twice_changes_nothing():
    before = f"head\n{pages.BEGIN}\nold\n{pages.END}\ntail\n"
    once = pages.inserted(before, "new")
    assert once == f"head\n{pages.BEGIN}\nnew\n{pages.END}\ntail\n"
    assert pages.inserted(once, "new") == once


@pytest.mark.parametrize("text", ["", pages.BEGIN, f"{pages.END}{pages.BEGIN}"])
def test_a_text_without_both_markers_in_order_is_refused(text):
    with pytest.raises(pages.MarkersMissing):
        pages.inserted(text, "new")


def test_a_run_with_two_values_for_one_row_is_not_shown_whichever_suites_they_are_of(figure, record):
    pages.every_figure(record([figure(), figure(subject="pykka"), figure(durability="always")]))
    with pytest.raises(pages.RowTwice, match="'ask', None, 'moothall'"):
        pages.every_figure(record([figure(1.0, suite="headline"), figure(2.0)]))


@pytest.mark.parametrize(
    ("theirs", "times_better", "said"),
    [
        (20.0, (0.4, 0.8), "2x worse (1.25 .. 2.5)"),
        (5.0, (1.5, 3.0), "2x better (1.5 .. 3)"),
        (10.0, (0.5, 4.0), "the same (0.25 .. 2)"),
        (5.0, None, "2x better"),
    ],
)
def test_a_ratio_is_shown_with_its_range_over_the_rounds(figure, theirs, times_better, said):
    assert table.against(figure(10.0), figure(theirs, subject="pykka", times_better=times_better)) == said


def test_the_readme_shows_the_range_too_and_never_ourselves_as_a_peer(figure, record):
    what = next(iter(pages.SUMMARY))
    others = [
        figure(10.0, subject=subject, suite=suite, work=work, durability=durability, times_better=(0.4, 0.8))
        for suite, work, durability in pages.SUMMARY.values()
        for subject in (US, PURE)
    ]
    theirs = [
        figure(20.0, subject="LMDB", suite=suite, work=work, durability=durability, times_better=(0.4, 0.8))
        for suite, work, durability in pages.SUMMARY.values()
    ]
    rows = pages.summary(record([*others, *theirs]))
    assert f"| {what} | 10.0 us | LMDB, 20.0 us | 2.0 (1.25 .. 2.5) times faster than LMDB |" in rows
    with pytest.raises(pages.RowMissing):
        pages.summary(record(others))


@pytest.mark.parametrize(
    ("ours", "theirs", "better", "said"),
    [
        (10.0, 34.0, "lower", "3.4 times faster than LMDB"),
        (16.0, 10.0, "lower", "1.6 times slower than LMDB"),
        (34.0, 10.0, "higher", "3.4 times faster than LMDB"),
        (10.0, 123.0, "higher", "12 times slower than LMDB"),
        (10.0, 10.2, "lower", "as fast as LMDB"),
    ],
)
def test_the_readme_says_a_factor_in_words(figure, ours, theirs, better, said):
    assert pages.factor(figure(ours, better=better), figure(theirs, better=better, subject="LMDB")) == said


@pytest.fixture
def whole_run(figure, record):
    """A run that has every row of the README."""
    return record([
        figure(value, subject=subject, suite=suite, work=work, durability=durability)
        for suite, work, durability in pages.SUMMARY.values()
        for value, subject in ((10.0, US), (90.0, "far"), (20.0, "close"))
    ])  # fmt: skip


def test_the_readme_has_six_rows_each_beside_the_best_of_its_peers(whole_run):
    head, rule, *rows = pages.summary(whole_run).splitlines()
    assert head == "| what | Moothall | closest peer | factor |"
    assert rule.count("|") == 5
    assert [row.split(" | ")[1:] for row in rows] == [
        ["10.0 us", "close, 20.0 us", "2.0 times faster than close |"]
    ] * 6


def test_a_run_without_a_row_of_the_readme_is_refused_by_its_name(whole_run, record):
    with pytest.raises(pages.RowMissing, match="append 1 event"):
        pages.summary(record(whole_run.figures[1:]))


def test_readme_and_page_are_what_the_saved_run_gives(tmp_path):
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/benchmarks.md", "docs/bench.json"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    pages.rewrite(tmp_path)
    for name in ("README.md", "docs/benchmarks.md"):
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), "run `python -m benchmarks.measuring.pages`"


def test_the_readme_shows_where_we_lose_too():
    shown = pages.summary(load(ROOT / "docs" / "bench.json"))
    assert "slower" in shown
    assert "faster" in shown


def test_rewriting_the_pages_keeps_the_rest_of_them(whole_run, tmp_path):
    (tmp_path / "docs").mkdir()
    save(whole_run, tmp_path / "docs" / "bench.json")
    for name in ("README.md", "docs/benchmarks.md"):
        (tmp_path / name).write_text(f"# Head\n\n{pages.BEGIN}\n{pages.END}\n\ntail\n")
    pages.rewrite(tmp_path)
    for name, shown in (("README.md", pages.summary), ("docs/benchmarks.md", pages.every_figure)):
        wanted = f"# Head\n\n{pages.BEGIN}\n{shown(whole_run)}\n{pages.END}\n\ntail\n"
        assert (tmp_path / name).read_text() == wanted
