"""`scripts/bench`: what it prints, keeps, compares and refuses."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks import command
from benchmarks.measuring.figure import US, line, save
from benchmarks.measuring.processes import ChildFailed, said_by
from benchmarks.suites import growth
from transport.cli.failure import CommandFailed, Exit


@pytest.fixture
def measured(figure, record, monkeypatch, tmp_path):
    """What the suites measure, whatever the suite."""
    figures = [figure(10.0), figure(20.0, subject="pykka")]
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(command.registry, "figures", lambda _name, _bench: iter(figures))
    monkeypatch.setattr(command, "conditions", lambda _directory: record([]).conditions)
    return figures


def test_json_prints_the_machine_and_then_a_line_a_figure_and_nothing_else(record, measured, capsys):
    command.bench("kernel", json=True)
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert lines[0] == json.loads(line(record([]).conditions))
    assert [(each["subject"], each["value"]) for each in lines[1:]] == [(US, 10.0), ("pykka", 20.0)]


def test_full_is_passed_on_to_the_suite(measured, monkeypatch):
    asked = []
    monkeypatch.setattr(command.registry, "figures", lambda _name, bench: asked.append(bench.full) or iter(measured))
    command.bench("store")
    command.bench("store", full=True)
    assert asked == [False, True]


def test_without_json_there_is_a_table_with_both_rows(measured, capsys):
    command.bench("kernel")
    out = capsys.readouterr().out
    assert "moothall" in out
    assert "pykka" in out


def test_a_run_compared_with_itself_is_fine_and_with_a_better_one_exits_with_1(figure, measured, tmp_path, capsys):
    saved = tmp_path / "run.json"
    command.bench("kernel", save=saved)
    command.bench("kernel", compare=saved)
    measured[0] = figure(100.0)
    with pytest.raises(CommandFailed) as failed:
        command.bench("kernel", compare=saved)
    assert failed.value.code == Exit.NO
    assert "worse: kernel: ask: 100 us, was 10 (10.00x worse; pykka 1.00x)" in capsys.readouterr().err


def test_a_comparison_with_another_suite_is_a_wrong_use(figure, record, measured, tmp_path):
    saved = tmp_path / "run.json"
    save(record([figure(suite="store")]), saved)
    with pytest.raises(CommandFailed) as failed:
        command.bench("kernel", compare=saved)
    assert failed.value.code == Exit.USAGE


def test_the_growth_suite_is_drawn_and_saved(figure, measured, tmp_path):
    pytest.importorskip("matplotlib")
    measured[:] = [figure(10.0, work=growth.named(growth.CRASH, 100), suite="growth")]
    command.bench("growth", chart=tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 10_000


def test_without_matplotlib_nothing_is_measured_that_could_not_be_drawn(measured, tmp_path, monkeypatch):
    measured.clear()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "benchmarks.suites.growth_chart", raising=False)
    with pytest.raises(CommandFailed, match="not installed; install moothall with its `bench` extra"):
        command.bench("growth", chart=tmp_path / "growth.png")


def test_a_run_that_could_not_be_compared_saved_or_drawn_is_not_begun(measured, tmp_path):
    measured.clear()
    for options in (
        {"compare": tmp_path / "none.json"},
        {"save": tmp_path / "none" / "run.json"},
        {"chart": tmp_path / "none" / "growth.png"},
        {"chart": tmp_path / "kernel.png"},
    ):
        with pytest.raises(CommandFailed) as failed:
            command.bench("kernel", **options)
        assert failed.value.code == Exit.USAGE


def test_the_command_line_says_its_own_name_and_refuses_a_suite_that_there_is_not():
    assert "Usage: scripts/bench" in said_by(["-m", "benchmarks", "--help"])
    with pytest.raises(ChildFailed, match=r"exited with 2: moothall: .*nosuch.*see `scripts/bench --help`"):
        said_by(["-m", "benchmarks", "nosuch"])
