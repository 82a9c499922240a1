"""What is missing here is a skip that says so; where no skip is allowed, as in CI, it is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
SKIPPING = """
import pytest

@pytest.fixture
def disk():
    pytest.skip("there is no FUSE")

def test_on_the_disk(disk): ...

@pytest.mark.skipif(True, reason="there is no Node")
def test_with_node(): ...

def test_in_the_middle():
    pytest.skip("there is no network")

@pytest.mark.xfail
def test_that_is_known_to_fail():
    assert False
"""


def said_of(folder, **environment):
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "test_skipping.py").write_text(SKIPPING)
    plain = {key: value for key, value in os.environ.items() if key != "HALL_NO_SKIP"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", "--rootdir", folder, folder]
    done = subprocess.run(
        command, cwd=folder, env={**plain, **environment}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_a_missing_thing_is_a_skip_that_says_what_is_missing(tmp_path):
    status, said = said_of(tmp_path)
    assert status == pytest.ExitCode.OK
    assert "3 skipped, 1 xfailed" in said
    assert all(what in said for what in ("FUSE", "Node", "network"))


def test_no_skip_is_quiet_where_none_is_allowed(tmp_path):
    status, said = said_of(tmp_path, HALL_NO_SKIP="1")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "skipped" not in said.splitlines()[-1]
    assert all(f"there is no {what}" in said for what in ("FUSE", "Node", "network"))
    assert said.count("a skip is a failure") >= 3


def test_ci_ends_where_what_the_crash_suites_stand_on_cannot_be_had():
    script = (CONFTEST.parents[1] / ".ci" / "run").read_text()
    assert "HALL_NO_SKIP=1" in script
    assert "|| true" not in script
    assert "true\n" not in script
