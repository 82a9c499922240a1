"""Ctrl-C at random moments: every log opens with all that was acknowledged, or said before that it ended."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from interrupted import LIMITS

from store import EventLog, verify

PROGRAM = Path(__file__).parent / "interrupted.py"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_a_hundred_times_ctrl_c_every_log_has_all_that_was_acknowledged(tmp_path, seed):
    command = [sys.executable, PROGRAM, tmp_path, "100", str(seed)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    went_on = 0
    for each in told:
        acknowledged, where = each["acknowledged"], f"{each['path']}: {each['error'] or 'no error'}"
        assert verify(each["path"]).problems == [], where
        with EventLog.open(each["path"], limits=LIMITS, sync=lambda _fd: None) as log:
            found = [event.data["n"] for event in log.read()]
        assert [n for n in found if n in {*acknowledged}] == acknowledged, where
        assert len(found) <= len(acknowledged) + 3, f"{where}: more than the interrupted group is there"
        went_on += not each["error"]
    assert len(told) == 100
    assert went_on, "no log went on"
