"""`moothall events repair|export|import|backup|stats` on a data directory, and exporting through a server."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from store import EventLog, Invalid, Limits, NewEvent, keep, look
from transport.cli.failure import CommandFailed
from transport.cli.main import app


@pytest.fixture
def moothall(capfdbinary):
    """Runs a command in this process; returns its exit code, and its output or error."""

    def run(*arguments):
        try:
            app(list(map(str, arguments)), exit_on_error=False, print_error=False, result_action="return_value")
        except CommandFailed as error:
            return error.code, str(error)
        return 0, capfdbinary.readouterr().out.decode()

    return run


@pytest.fixture
def data(tmp_path):
    with EventLog.open(tmp_path / "data") as log:
        for n in range(3):
            log.append([NewEvent(type="note", data={"n": n})], stream="s", agent=f"a{n}")
    return tmp_path / "data"


def damage(data):
    (segment,) = data.glob("*.segment")
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)


@pytest.mark.parametrize("encoding", ["jsonl", "msgpack"])
def test_what_is_exported_can_be_imported(moothall, data, tmp_path, encoding):
    file = tmp_path / "events"
    code, out = moothall("events", "export", file, "--format", encoding, "--data", data, "--json")
    assert (code, json.loads(out)) == (0, {"events": 3, "file": str(file)})
    code, out = moothall("events", "import", file, "--format", encoding, "--data", tmp_path / "new", "--json")
    assert (code, json.loads(out)) == (0, {"events": 3, "stored": 3, "last_sequence": 3})
    code, out = moothall("events", "import", file, "--format", encoding, "--data", tmp_path / "new")
    assert "0 of 3 events were new" in out
    with EventLog.open(data) as one, EventLog.open(tmp_path / "new") as other:
        assert list(one.read()) == list(other.read())


@pytest.mark.parametrize("left_over", [False, True])
def test_what_is_exported_is_read_by_its_owner_alone(moothall, data, tmp_path, left_over):
    file = tmp_path / "events.jsonl"
    if left_over:
        for each in (file, file.with_name("events.jsonl.new")):
            each.write_text("of an earlier time")
            each.chmod(0o666)
    before = os.umask(0)
    try:
        code, _ = moothall("events", "export", file, "--data", data)
    finally:
        os.umask(before)
    assert (code, file.stat().st_mode & 0o777) == (0, 0o600)


def test_an_export_goes_to_stdout_and_an_import_comes_from_stdin(moothall, data, tmp_path, monkeypatch):
    _, out = moothall("events", "export", "--data", data, "--after", 1)
    assert [json.loads(line)["sequence"] for line in out.splitlines()] == [2, 3]
    _, out = moothall("events", "export", "--data", data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(out.encode())))
    _, out = moothall("events", "import", "-", "--data", tmp_path / "new", "--json")
    assert json.loads(out)["stored"] == 3


def test_an_export_that_fails_leaves_the_former_file(moothall, data, tmp_path):
    (tmp_path / "events").write_text("former")
    damage(data)
    code, error = moothall("events", "export", tmp_path / "events", "--data", data)
    assert code == 5
    assert ".segment" in error
    assert (tmp_path / "events").read_text() == "former"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "events"]


def test_what_is_no_export_is_not_imported(moothall, tmp_path):
    (tmp_path / "events").write_text("?")
    code, error = moothall("events", "import", tmp_path / "events", "--data", tmp_path / "new")
    assert code == 1
    assert "line 1 is no event" in error
    assert moothall("events", "import", tmp_path / "missing", "--data", tmp_path / "new")[0] == 2


def test_a_damaged_log_is_repaired_only_as_far_as_is_allowed(moothall, data):
    assert moothall("events", "repair", "--data", data)[1].startswith(f"{data}: nothing is damaged")
    damage(data)
    code, error = moothall("events", "repair", "--data", data)
    assert code == 1
    assert "would remove 1 events from 3 on" in error
    code, out = moothall("events", "repair", "--data", data, "--max-events", 1, "--json")
    done = json.loads(out)
    assert (code, done["events"], done["last_sequence"]) == (0, 1, 2)
    assert Path(done["removed"]).is_dir()
    assert moothall("events", "verify", "--data", data)[0] == 0


def test_the_figures_are_printed(moothall, data):
    code, out = moothall("events", "stats", "--data", data, "--json")
    figures = json.loads(out)
    assert (code, figures["events"], figures["types"]) == (0, 3, {"note": 3})
    assert figures["first_time"] < figures["last_time"]
    code, out = moothall("events", "stats", "--data", data)
    assert "types  note 3" in out
    damage(data)
    assert moothall("events", "stats", "--data", data)[0] == 5


def test_a_backup_is_made_while_the_log_is_open_and_opens_as_a_log(moothall, data, tmp_path):
    with EventLog.open(data) as log:
        log.append([NewEvent(type="note")])
        code, out = moothall("events", "backup", tmp_path / "backup", "--data", data, "--json")
    assert (code, json.loads(out)["last_sequence"]) == (0, 4)
    code, out = moothall("events", "query", "--data", tmp_path / "backup", "--json")
    assert [json.loads(line)["sequence"] for line in out.splitlines()] == [1, 2, 3, 4]
    assert "wrote 1 of 1 segments" in moothall("events", "backup", tmp_path / "second", "--data", data)[1]
    assert moothall("events", "backup", data, "--data", data)[0] == 1


def test_old_segments_leave_into_an_archive(moothall, data, tmp_path):
    with EventLog.open(data, limits=Limits(segment_bytes=10)) as log:
        log.append([NewEvent(type="note")])
    code, out = moothall("events", "retire", "--max-days", 0, "--archive", tmp_path / "old", "--data", data, "--json")
    assert (code, json.loads(out)["events"], json.loads(out)["first_sequence"]) == (0, 3, 4)
    assert len(list((tmp_path / "old").iterdir())) == 1
    code, out = moothall("events", "export", "--data", data)
    assert [json.loads(line).get("sequence", "gone") for line in out.splitlines()] == ["gone", 4]
    code, out = moothall("events", "verify", "--data", data, "--json")
    assert (code, json.loads(out)["events"], json.loads(out)["first_sequence"]) == (0, 1, 4)
    assert "0 events in 0 segments left" in moothall("events", "retire", "--max-bytes", 10**6, "--data", data)[1]
    assert moothall("events", "retire", "--data", data)[0] == 1


def test_old_segments_leave_no_log_without_a_copy_in_it_unless_they_are_to_be_dropped(moothall, data, tmp_path):
    for count, options in ((1, ()), (1, ("--archive", "drop"))):
        with EventLog.open(data, limits=Limits(segment_bytes=10)) as log:
            log.append([NewEvent(type="note")])
        assert moothall("events", "retire", "--max-bytes", 0, *options, "--data", data)[0] == 0
        assert len(list((data / "archive").glob("*.segment.gz"))) == count
    assert moothall("events", "verify", "--data", data)[0] == 0
    assert moothall("events", "backup", tmp_path / "backup", "--data", data)[0] == 0


def test_the_figures_warn_of_a_disk_that_will_soon_be_full(moothall, data, monkeypatch):
    monkeypatch.setattr("store.care.stats.free_bytes", lambda _directory: 1 << 40)
    assert "warning" not in moothall("events", "stats", "--data", data)[1]
    monkeypatch.setattr("store.care.stats.free_bytes", lambda _directory: 1 << 20)
    assert "1 MiB left" in moothall("events", "stats", "--data", data)[1]
    shown = json.loads(moothall("events", "stats", "--data", data, "--json")[1])
    assert (shown["free_bytes"], shown["bytes_per_day"] > 0, shown["days_left"] > 0) == (1 << 20, True, True)
    assert "1 MiB left" in shown["warning"]


def test_a_sealed_log_is_appended_to_and_checked_with_its_key(moothall, tmp_path):
    data, key = tmp_path / "data", tmp_path / "key"
    data.mkdir()
    key.write_bytes(bytes(range(32)))
    for _ in range(2):
        assert moothall("events", "append", "note", "--data", data, "--seal", key)[0] == 0
    code, error = moothall("events", "append", "note", "--data", data)
    assert code == 1
    assert "is sealed" in error
    code, out = moothall("events", "verify", "--data", data, "--seal", key)
    assert "sealed up to event 2: " in out
    code, out = moothall("events", "verify", "--data", data, "--seal", key, "--json")
    assert (code, len(json.loads(out)["seal"])) == (0, 56)
    assert "seal" not in json.loads(moothall("events", "verify", "--data", data, "--json")[1])
    moothall("events", "export", tmp_path / "events", "--data", data)
    assert moothall("events", "import", tmp_path / "events", "--data", tmp_path / "new", "--seal", key)[0] == 0
    assert moothall("events", "verify", "--data", tmp_path / "new", "--seal", key)[0] == 0
    assert moothall("events", "retire", "--max-days", 9, "--data", data, "--seal", key)[0] == 0
    assert moothall("events", "verify", "--data", data, "--seal", tmp_path / "missing")[0] == 2
    key.write_bytes(bytes(32))
    with pytest.raises(SystemExit) as ended:
        moothall("events", "verify", "--data", data, "--seal", key)
    assert ended.value.code == 5


def test_a_log_in_use_is_not_touched(moothall, data, tmp_path):
    (tmp_path / "events").write_bytes(b"")
    with EventLog.open(data):
        assert moothall("events", "repair", "--data", data, "--max-events", 9)[0] == 4
        assert moothall("events", "import", tmp_path / "events", "--data", data)[0] == 4
        assert moothall("events", "export", "--data", data)[0] == 0
        assert moothall("events", "retire", "--max-days", 0, "--data", data)[0] == 4
        assert moothall("events", "stats", "--data", data)[0] == 0


@pytest.mark.parametrize("command", ["repair", "export", "stats", "backup", "retire"])
def test_a_directory_that_is_not_there_is_not_made(moothall, tmp_path, command):
    target = [tmp_path / "target"] if command == "backup" else []
    assert moothall("events", command, *target, "--data", tmp_path / "missing")[0] == 2
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("encoding", ["jsonl", "msgpack"])
def test_a_log_that_has_given_up_its_beginning_is_exported_while_it_is_in_use(moothall, tmp_path, encoding):
    file = tmp_path / "events"
    with EventLog.open(tmp_path / "data", limits=Limits(segment_bytes=500), sync=lambda _fd: None) as log:
        for n in range(20):
            log.append([NewEvent(type="note", data={"n": n}), NewEvent(type="note")], stream="s")
        log.retire(keep(days=None, size=0))
        first = log.first_sequence
        assert first > 1
        code, _ = moothall("events", "export", file, "--format", encoding, "--data", tmp_path / "data")
        assert code == 0
        written = list(log.read())
    assert moothall("events", "import", file, "--format", encoding, "--data", tmp_path / "new")[0] == 0
    with EventLog.open(tmp_path / "new") as imported:
        assert (imported.first_sequence, list(imported.read())) == (first, written)


@pytest.mark.parametrize("after", [0, 1, 2, 5, 40])
def test_looking_begins_behind_a_sequence_wherever_that_is_in_an_append(tmp_path, after):
    with EventLog.open(tmp_path, limits=Limits(segment_bytes=500), sync=lambda _fd: None) as log:
        for n in range(10):
            log.append([NewEvent(type="note", data={"n": n})] * 4)
        assert list(look(tmp_path, after)[1]) == list(log.read(after))


def test_looking_at_a_segment_that_left_meanwhile_says_so(tmp_path):
    with EventLog.open(tmp_path, limits=Limits(segment_bytes=500), sync=lambda _fd: None) as log:
        for n in range(20):
            log.append([NewEvent(type="note", data={"n": n})])
        _, events = look(tmp_path)
        log.retire(keep(days=None, size=0))
        with pytest.raises(Invalid, match="begin again"):
            list(events)


def test_a_stream_is_erased_in_the_files_once_somebody_agrees(moothall, data):
    code, error = moothall("events", "erase", "--stream", "s", "--data", data)
    assert (code, "--yes" in error) == (1, True)
    assert json.loads(moothall("events", "query", "--data", data, "--json", "--limit", 1)[1])["data"] == {"n": 0}
    code, out = moothall("events", "erase", "--stream", "s", "--data", data, "--yes", "--json")
    assert (code, json.loads(out)) == (0, {"stream": "s", "events": 3, "last_sequence": 3, "gone": 0})
    shown = json.loads(moothall("events", "query", "--data", data, "--json", "--limit", 1)[1])
    assert (shown["erased"], shown["data"]) == (True, None)
    assert "(erased)" in moothall("events", "query", "--data", data)[1]
    assert json.loads(moothall("events", "verify", "--data", data, "--json")[1])["erased"] == 3
    code, out = moothall("events", "erase", "--stream", "s", "--data", data, "--yes")
    assert (code, out) == (0, "s: erased 0 events, up to event 4 of the log\n")
    assert moothall("events", "erase", "--stream", "nobody", "--data", data, "--yes")[0] == 1


def test_a_query_of_the_files_tells_what_has_left_the_log(moothall, tmp_path):
    data = tmp_path / "short"
    with EventLog.open(data, limits=Limits(segment_bytes=600)) as log:
        for n in range(20):
            log.append([NewEvent(type="note", data={"n": n})], stream="s")
        log.retire(keep(days=None, size=0))
        first = log.first_sequence
    code, error = moothall("events", "query", "--after", 1, "--data", data)
    assert (code, f"begins with event {first}" in error) == (1, True)
    code, out = moothall("events", "query", "--after", 1, "--skip-gone", "--data", data, "--json")
    assert (code, json.loads(out.splitlines()[0])["sequence"]) == (0, first)
    assert moothall("events", "query", "--data", data)[0] == 0
