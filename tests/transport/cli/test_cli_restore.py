"""`moothall events restore` tells which decisions an older log brings back, and asks."""

from __future__ import annotations

import errno
import io
import json
from pathlib import Path

import msgspec
import pytest

from actors.speed_layer.governing.activation import POLICY_ACTIVATED
from actors.speed_layer.governing.command_patterns import Pattern
from actors.speed_layer.governing.remembered_decisions import (
    POLICY_STREAM,
    Remembered,
    forgotten_event,
    remembered_event,
)
from store import EventLog, NewEvent, backup, verify
from transport.cli.failure import CommandFailed
from transport.cli.main import app


@pytest.fixture
def moothall(capsys):
    """Runs a command in this process; returns its exit code, its output and what it told."""

    def run(*arguments):
        code = 0
        try:
            app(list(map(str, arguments)), exit_on_error=False, print_error=False, result_action="return_value")
        except CommandFailed as error:
            code = error.code
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def decision(name, verdict="allow", pattern=None, reason="fine"):
    event = remembered_event(Remembered(name, "agent", f"hash of {name}", verdict, "chief", reason, pattern))
    return msgspec.structs.replace(event, data=json.loads(msgspec.json.encode(event.data)))


def activation(text):
    layers = {"project": {"name": f"{text}.toml", "sha256": text * 4, "text": text}}
    data = {"version": text, "by": "chief", "layers": layers}
    return NewEvent(type=POLICY_ACTIVATED, data=data, stream=POLICY_STREAM)


@pytest.fixture
def halls(tmp_path):
    """Return the directory of a hall and an older backup of it."""
    log, copy = tmp_path / "log", tmp_path / "backup"
    push = Pattern(("gh", "pr", "create"), (), "/w", None)
    with EventLog.open(log) as opened:
        opened.append([activation("old"), decision("a1"), decision("a2", "allow", push, "x\x1b[2K"), decision("a3")])
    backup(log, copy)
    with EventLog.open(log) as opened:
        opened.append([forgotten_event("a1", "chief"), forgotten_event("a2", "chief")])
        opened.append([decision("b1", "deny"), activation("new"), NewEvent(type="note", stream="s")])
    return log, copy


def test_what_an_older_log_brings_back_and_takes_away_is_told_before_anything_is_done(moothall, halls):
    log, copy = halls
    code, out, told = moothall("events", "restore", copy, "--data", log)
    assert (code, out) == (1, "")
    lines = told.splitlines()
    assert [line.split(":")[0].removeprefix("$'") for line in lines] == [
        *("holds again", "holds again", "holds no longer", "governs again"),
        "5 events, up to 9, are no longer in the log",
    ]
    assert "allow for agent by chief: fine (a1, one action)" in lines[0]
    assert "`gh pr create ...`" in lines[1]
    assert "\x1b" not in told
    assert "deny for agent by chief: fine (b1, one action)" in lines[2]
    assert "old.toml (sha256 oldoldoldold), in place of new.toml" in lines[3]
    with EventLog.open(log) as opened:
        assert opened.head == 9


def test_with_yes_it_is_done_and_told(moothall, halls):
    log, copy = halls
    code, out, told = moothall("events", "restore", copy, "--data", log, "--yes", "--json")
    done = json.loads(out)
    assert (code, done["last_sequence"], done["replaced"]) == (0, 4, str(log / "replaced-1"))
    assert done["changes"] == told.splitlines()
    with EventLog.open(log) as opened:
        assert opened.head == 4


@pytest.mark.parametrize(("said", "left"), [("y\n", (0, 4)), ("n\n", (1, 9)), ("", (1, 9))])
def test_whoever_sits_at_the_terminal_is_asked(moothall, halls, monkeypatch, said, left):
    log, copy = halls
    terminal = io.StringIO(said)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    code, _, _ = moothall("events", "restore", copy, "--data", log)
    with EventLog.open(log) as opened:
        assert (code, opened.head) == left


def test_where_nothing_changes_nobody_is_asked(moothall, halls, tmp_path):
    log, copy = halls
    assert moothall("events", "restore", copy, "--data", tmp_path / "new")[0] == 0
    backup(log, tmp_path / "fresh")
    code, _, told = moothall("events", "restore", tmp_path / "fresh", "--data", log)
    assert (code, told) == (0, "")


def test_where_the_log_cannot_be_read_every_decision_of_the_backup_is_told(moothall, halls):
    log, copy = halls
    segment = min(log.glob("*.segment"))
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    segment.write_bytes(content)
    code, _, told = moothall("events", "restore", copy, "--data", log)
    assert (code, told.count("holds: allow"), "nobody knows what was revoked since" in told) == (1, 3, True)
    assert moothall("events", "restore", copy, "--data", log, "--yes")[0] == 0


def test_after_a_full_disk_the_log_is_refused_until_restoring_again_has_told_and_ended_it(moothall, halls, monkeypatch):
    log, copy = halls
    real = Path.replace

    def without_space(self, target):
        if self.name == "durable":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", without_space)
        assert moothall("events", "restore", copy, "--data", log, "--yes")[0] == 1
    assert "restore that backup again" in verify(log).problems[0]
    code, _, told = moothall("events", "restore", copy, "--data", log)
    assert (code, told.count("holds: allow"), "nobody knows what was revoked since" in told) == (1, 3, True)
    code, out, _ = moothall("events", "restore", copy, "--data", log, "--yes", "--json")
    assert (code, json.loads(out)["replaced"]) == (0, str(log / "replaced-1"))
    with EventLog.open(log) as now, EventLog.open(log / "replaced-1") as former:
        assert (now.head, former.head) == (4, 9)


def test_there_has_to_be_a_backup(moothall, tmp_path):
    assert moothall("events", "restore", tmp_path / "none", "--data", tmp_path / "log")[0] == 2


def test_a_stream_that_was_erased_since_is_told_to_come_back(moothall, tmp_path):
    log, copy = tmp_path / "log", tmp_path / "backup"
    with EventLog.open(log) as opened:
        opened.append([NewEvent(type="note", stream="people", data={"name": "Ann"})])
        backup(log, copy)
        opened.erase("people")
    code, _, told = moothall("events", "restore", copy, "--data", log)
    assert (code, "holds again what was erased: stream people" in told) == (1, True)
