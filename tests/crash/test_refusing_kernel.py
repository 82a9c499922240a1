"""The kernel itself refuses, or kills: a process under `strace --inject`, and a file system that is full."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from judge import judge

WORKLOADS = Path(__file__).parent / "workloads.py"
WRITE = "/^pwrite"
FAULTS = [
    ("fdatasync", "error=EIO", 5, "SyncFailed"),
    ("fsync", "error=EIO", 3, "SyncFailed"),
    ("fsync", "error=EIO", 11, "SyncFailed"),
    (WRITE, "error=EIO", 8, "SyncFailed"),
    (WRITE, "error=EIO", "8+", "SyncFailed"),
    (WRITE, "error=ENOSPC", "3+", "DiskFull"),
    ("rename", "error=ENOSPC", 1, "DiskFull"),
]
KILLS = [("fdatasync", 6), ("fsync", 9), ("rename", 1), ("unlink", 1), *((WRITE, turn) for turn in range(6, 12))]


def run(home, *before, work="fill", wrong=""):
    """Do the work in a process; return what it told, whether it was killed, and its last words."""
    command = [*before, sys.executable, WORKLOADS, work, home, "group", wrong]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    return done.stdout.splitlines(), done.returncode, done.stderr.decode()


@pytest.fixture
def traced():
    """Return what runs under strace with one fault."""
    if (
        shutil.which("strace") is None
        or subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], check=False).returncode
    ):
        pytest.skip("strace is not installed, or may not trace here")

    def running(home, call, fault, turn, **how):
        inject = f"inject={call}:{fault}:when={turn}"
        home.mkdir(exist_ok=True)
        return run(home, "strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", inject, **how)

    return running


@pytest.mark.slow
@pytest.mark.parametrize(("call", "fault", "turn", "answer"), FAULTS)
def test_what_the_kernel_refuses_is_answered_with_an_error_of_the_log(  # noqa: PLR0917 - a table
    traced, tmp_path, call, fault, turn, answer
):
    said, status, words = traced(tmp_path, call, fault, turn)
    assert status == 0 or re.search(rf"store\.errors\.{answer}: .*\n$", words)
    judge(tmp_path, said, powerless=False)


@pytest.mark.slow
def test_some_of_these_faults_do_come_up(traced, tmp_path):
    assert [traced(tmp_path / str(n), *fault[:3])[1] for n, fault in enumerate(FAULTS[:2])] == [1, 1]


@pytest.mark.slow
@pytest.mark.parametrize(("call", "turn"), KILLS)
def test_a_kill_at_a_call_breaks_no_promise(traced, tmp_path, call, turn):
    said, status, _ = traced(tmp_path, call, "signal=KILL", turn)
    assert status != 0
    judge(tmp_path, said, powerless=False)


@pytest.mark.slow
def test_kills_catch_a_log_that_acknowledges_before_it_writes(traced, tmp_path):
    def check(turn):
        said, *_ = traced(tmp_path / str(turn), WRITE, "signal=KILL", turn, wrong="words before deeds")
        judge(tmp_path / str(turn), said, powerless=False)

    with pytest.raises(AssertionError, match="had been promised"):
        for turn in range(2, 24):
            check(turn)


@pytest.fixture
def small_file_system(tmp_path):
    """A file system of 256 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system; test_durability has a limit on files instead")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.slow
def test_on_a_full_file_system_the_log_stops_cleanly_and_opens_again(small_file_system, tmp_path):
    said, status, words = run(small_file_system, work="fill_up")
    assert (status, words) == (0, "")
    assert (small_file_system / "log" / "clean").exists()
    assert not (small_file_system / "log" / "reserve").exists()
    shutil.copytree(small_file_system / "log", tmp_path / "copy" / "log")
    judge(tmp_path / "copy", [remark for remark in said if remark != b"full 1"], powerless=False)
