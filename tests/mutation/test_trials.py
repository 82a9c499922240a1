"""Bugs are put into copies, and what notices them is told from what does not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mutation.command import mutants
from mutation.covering import Covering, KnownFile
from mutation.mutant import Mutant
from mutation.trials import FailWithoutBug, Task, trials
from transport.cli.failure import CommandFailed

SOURCE = "def larger(one, other):\n    while one < other:\n        return other\n    return one\n"
TESTS = """
from box import larger

def test_strong():
    assert larger(1, 2) == 2

def test_weak():
    assert larger(1, 1) == 1

def test_wrong():
    assert larger(1, 2) == 1
"""


@pytest.fixture
def checkout(tmp_path):
    home = tmp_path / "project"
    (home / "tests").mkdir(parents=True)
    (home / "scripts").symlink_to(Path(__file__).parents[2] / "scripts")
    (home / "pyproject.toml").write_text("")
    (home / "box.py").write_text(SOURCE)
    (home / "tests" / "test_box.py").write_text(TESTS)
    return home


def task(test, new, seconds=0.0):
    return Task(Mutant("box.py", SOURCE, SOURCE.replace(*new), "a slip"), [f"tests/test_box.py::{test}"], seconds)


WRONG_WAY = ("one < other", "one > other")
ENDLESS = ("return other", "pass")


def outcomes(checkout, *tasks, at_once=1):
    return [trial.outcome for trial in trials(checkout, tasks, at_once)]


def test_a_bug_is_found_by_a_test_that_fails_with_it_and_survives_one_that_does_not(checkout):
    found = outcomes(checkout, task("test_strong", WRONG_WAY), task("test_weak", WRONG_WAY))
    assert found == ["found", "survived"]
    assert (checkout / "box.py").read_text() == SOURCE


def test_a_test_that_fails_without_a_bug_is_told_of_and_looked_at_again(checkout, tmp_path, capsys):
    folder = checkout / "tests" / "store"
    folder.mkdir()
    broken = "import pytest\n@pytest.fixture\ndef broken():\n    assert False\ndef test_broken(broken):\n    pass\n"
    texts = {"test_box.py": TESTS + broken, "test_good.py": "def test_good():\n    pass\n"}
    for name, text in texts.items():
        (folder / name).write_text(text)
    for _ in range(2):
        covering = Covering(tmp_path / "covering.json")
        covering.bring_up_to_date(checkout)
        assert capsys.readouterr().err.splitlines()[1:] == [
            f"fails without a bug, so it can notice none: tests/store/test_box.py::{test}"
            for test in ("test_wrong", "test_broken")
        ]
        known = msgspec.json.decode((tmp_path / "covering.json").read_bytes(), type=dict[str, KnownFile])
        passing = {path: [each.name.rpartition("::")[2] for each in file.tests] for path, file in known.items()}
        assert passing == {
            "tests/store/test_box.py": ["test_strong", "test_weak"],
            "tests/store/test_good.py": ["test_good"],
        }
        (folder / "test_box.py").touch()
    (folder / "test_box.py").write_text(TESTS.partition("def test_wrong")[0])
    Covering(tmp_path / "covering.json").bring_up_to_date(checkout)
    assert "fails" not in capsys.readouterr().err
    Covering(tmp_path / "covering.json").bring_up_to_date(checkout)
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_bug_that_never_ends_is_noticed_and_the_next_one_is_tried(checkout, monkeypatch):
    monkeypatch.setattr("mutation.trials._PATIENCE_S", 10.0)
    found = outcomes(checkout, task("test_strong", ENDLESS), task("test_strong", WRONG_WAY))
    assert found == ["timeout", "found"]


@pytest.mark.slow
def test_two_are_tried_at_a_time_and_told_in_their_order(checkout):
    tasks = [task("test_strong", WRONG_WAY), task("test_weak", WRONG_WAY)] * 3
    assert outcomes(checkout, *tasks, at_once=2) == ["found", "survived"] * 3


@pytest.mark.slow
def test_tests_that_fail_without_a_bug_prove_nothing(checkout):
    with pytest.raises(FailWithoutBug, match="fail without any bug"):
        trials(checkout, [task("test_wrong", WRONG_WAY)], 1)


def test_a_bug_that_no_test_enters_survives(checkout):
    assert outcomes(checkout, task("test_weak", WRONG_WAY)._replace(tests=[])) == ["survived"]


@pytest.mark.slow
def test_no_hand_made_bug_survives(capsys):
    mutants(at_once=2)
    assert "hand-made bugs were noticed" in capsys.readouterr().out


def test_what_is_no_module_is_refused(tmp_path):
    with pytest.raises(CommandFailed, match="no module"):
        mutants(tmp_path / "nowhere.py")
