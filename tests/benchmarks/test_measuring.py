"""How things are measured, where, and by which processes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from benchmarks.logs.appends import Load, work_of
from benchmarks.measuring.directories import bench_directory
from benchmarks.measuring.figure import US
from benchmarks.measuring.machine import ROOT, conditions, filesystem, write_and_sync
from benchmarks.measuring.processes import ChildFailed, child, said_by
from benchmarks.measuring.resident import anonymous_bytes, resident_bytes
from benchmarks.measuring.runner import Work, contest, mean, p50, p99, p999

WORK = Work(suite="kernel", name="ask", unit="us")


class Clockwork:
    """A subject whose rounds return what they are told, and that notes when its turn is."""

    def __init__(self, name, turns, rounds):
        self.name = name
        self.turns = turns
        self.rounds = iter(rounds)

    def __call__(self):
        self.turns.append(self.name)
        return next(self.rounds)


def test_a_figure_is_the_median_of_the_rounds_after_the_first(small):
    bench = msgspec.structs.replace(small, rounds=3)
    (measured,) = contest(bench, [WORK], {US: Clockwork(US, [], [[1000.0], [5.0], [1.0], [3.0]])})
    assert (measured.value, measured.spread, measured.runs) == (3.0, (1.0, 5.0), 3)


def test_where_there_is_nothing_to_warm_the_first_round_counts(small):
    (measured,) = contest(small, [WORK], {US: Clockwork(US, [], [[7.0]])}, warm=False)
    assert (measured.value, measured.runs) == (7.0, 1)


def test_no_more_rounds_count_than_the_bench_has(small):
    turns = []
    list(contest(small, [WORK], {US: Clockwork(US, turns, [[1.0]] * 9)}, rounds=5))
    assert len(turns) == 2


def test_subjects_take_turns_and_none_is_always_first(small):
    turns = []
    subjects = {name: Clockwork(name, turns, [[1.0]] * 3) for name in ("a", "b")}
    list(contest(msgspec.structs.replace(small, rounds=2), [WORK], subjects))
    assert turns == ["a", "b", "b", "a", "a", "b"]


def test_a_peer_is_compared_with_us_round_by_round(small):
    rounds = {US: [[9.0], [10.0], [20.0]], "pykka": [[9.0], [40.0], [10.0]]}
    subjects = {name: Clockwork(name, [], values) for name, values in rounds.items()}
    ours, theirs = contest(msgspec.structs.replace(small, rounds=2), [WORK], subjects)
    assert (ours.times_better, theirs.times_better) == (None, (0.25, 2.0))
    faster = msgspec.structs.replace(WORK, better="higher")
    subjects = {name: Clockwork(name, [], values) for name, values in rounds.items()}
    assert list(contest(msgspec.structs.replace(small, rounds=2), [faster], subjects))[1].times_better == (0.5, 4.0)


def test_a_peer_has_no_range_where_there_was_one_round_or_nothing_of_ours_or_no_time(small):
    two = msgspec.structs.replace(small, rounds=2)
    for bench, subjects in (
        (small, {US: [[1.0]] * 2, "pykka": [[1.0]] * 2}),
        (two, {"pykka": [[1.0]] * 3}),
        (two, {US: [[0.0]] * 3, "pykka": [[1.0]] * 3}),
    ):
        figures = list(contest(bench, [WORK], {name: Clockwork(name, [], each) for name, each in subjects.items()}))
        assert figures[-1].times_better is None


def test_one_round_of_observations_gives_a_figure_for_each_work(small):
    works = [msgspec.structs.replace(WORK, name=of.__name__, of=of) for of in (mean, p50, p99, p999)]
    figures = contest(small, works, {US: Clockwork(US, [], [[0.0], [1.0] * 98 + [2.0, 99.0]])})
    assert [(each.work, each.value) for each in figures] == [
        ("mean", 1.99), ("p50", 1.0), ("p99", 2.0), ("p999", 99.0),
    ]  # fmt: skip


def test_a_batch_counts_its_events_and_a_single_append_its_latency():
    assert work_of("store", Load(100, 200, "never")).of([50.0, 150.0]) == 1_000_000
    assert work_of("store", Load(1, 3, "never")).of([1.0, 2.0, 9.0]) == 2.0


def test_the_machine_and_its_disk_are_told(tmp_path):
    measured_on = conditions(tmp_path)
    assert measured_on.machine.cpus >= 1
    assert measured_on.machine.write_fdatasync_us > 0
    assert measured_on.machine.filesystem == filesystem(tmp_path)
    assert all([measured_on.version, measured_on.machine.model, measured_on.machine.python, measured_on.machine.kernel])
    assert list(tmp_path.iterdir()) == []


def test_the_revision_is_that_of_the_checkout(tmp_path):
    said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    wanted = said.stdout.strip() if (ROOT / ".git").exists() else ""
    assert (conditions(tmp_path).revision or "").removesuffix("-dirty") == wanted


def test_a_run_has_a_directory_of_its_own_where_tmpdir_says_and_leaves_nothing(tmp_path, monkeypatch, notes):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with bench_directory(notes.append) as directory:
        (directory / "log").mkdir()
        assert directory.parent == tmp_path
        assert str(directory) in notes[0]
        assert f"({filesystem(tmp_path)})" in notes[0]
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_in_memory_is_said_aloud(tmp_path, monkeypatch, notes):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("benchmarks.measuring.directories.filesystem", lambda _: "tmpfs")
    with bench_directory(notes.append):
        assert "set TMPDIR" in notes[-1]


def test_without_tmpdir_a_disk_is_chosen_over_memory(monkeypatch, notes):
    monkeypatch.delenv("TMPDIR", raising=False)
    kinds = {ROOT.parent: "tmpfs", ROOT: "ext4"}
    monkeypatch.setattr("benchmarks.measuring.directories.filesystem", lambda path: kinds.get(path, "ext4"))
    with bench_directory(notes.append) as directory:
        assert directory.parent == ROOT


def test_file_systems_are_told_apart():
    assert filesystem(Path("/proc/self")) == "proc"
    assert filesystem(ROOT) not in {"proc", "unknown"}


def test_the_bare_disk_is_measured_once_a_write_and_leaves_no_file(tmp_path):
    assert len(write_and_sync(tmp_path / "probe", b"x", 3)) == 3
    assert list(tmp_path.iterdir()) == []


def test_memory_that_no_file_backs_is_less_than_all(tmp_path):
    assert 1 << 20 < anonymous_bytes() < resident_bytes()


def test_a_process_that_ends_before_it_is_ready_says_why(tmp_path):
    with (
        pytest.raises(ChildFailed, match="no such thing"),
        child(["-c", "raise OSError('no such thing')"], tmp_path / "e"),
    ):
        pass


def test_a_process_that_fails_is_an_error_with_its_last_words():
    with pytest.raises(ChildFailed, match="exited with 3: gone"):
        said_by(["-c", "import sys; print('gone', file=sys.stderr); sys.exit(3)"])


def test_a_process_lives_as_long_as_its_block(tmp_path):
    code = "import time; print('ready', flush=True); time.sleep(600)"
    with child(["-c", code], tmp_path / "e") as (process, ready):
        assert ready == "ready\n"
        assert resident_bytes(process.pid) > 1 << 20
    assert process.returncode is not None
