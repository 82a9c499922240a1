"""What is recorded of many streams whose events have left: in parts, of which few are written at a time."""

import shutil

import pytest

from store import EventLog, Limits, LogDamaged, NewEvent, Retention, backup, verify
from store.format import retention_parts
from store.format.retention_parts import moved_on, part_files, remove_parts, revisions_at
from store.format.retention_record import NOTHING_RETIRED, read_record, write_record
from store.format.streams_file import STREAMS_NAME

MANY = Limits(segment_bytes=4000, reserve_bytes=0)


@pytest.fixture(autouse=True)
def few_in_the_record(monkeypatch):
    monkeypatch.setattr("store.format.retention_parts.IN_RECORD", 5)
    monkeypatch.setattr("store.format.retention_parts._IN_A_MAP", 3)


def fill(log, names):
    for name in names:
        log.append([NewEvent(type="t", data="x" * 40)], stream=name)
    while log.step():
        pass


@pytest.fixture
def retired(tmp_path):
    path = tmp_path / "log"
    with EventLog.open(path, limits=MANY, sync=lambda _: None) as log:
        for _ in range(2):
            fill(log, (f"s{number}" for number in range(100)))
            assert log.retire(Retention(max_bytes=0)).segments
    assert read_record(path).parts
    return path


def test_each_retirement_writes_what_changed_and_each_revision_a_few_times(tmp_path, monkeypatch):
    written = []
    record, model = NOTHING_RETIRED, {}
    write = retention_parts._write_part
    monkeypatch.setattr(retention_parts, "_write_part", lambda *given: written.append(len(given[2])) or write(*given))
    rounds, fresh = 64, 10
    for number in range(rounds):
        changed = {f"{number} {each}": number + 1 for each in range(fresh)} | {"always": number + 1}
        model |= changed
        record = moved_on(tmp_path, record, number + 1, number + 1, changed)
        write_record(tmp_path, record)
        remove_parts(tmp_path, record)
        assert revisions_at(tmp_path, record) == model
        assert len(record.parts) < 3 * 8
        assert {path.name for path in part_files(tmp_path)} == {part.name for part in record.parts}
    assert sum(written) < 4 * len(model)
    assert sorted(written)[rounds * 3 // 4] < 2 * fresh


def test_few_streams_need_no_parts(tmp_path):
    record = NOTHING_RETIRED
    for number in range(20):
        record = moved_on(tmp_path, record, number + 1, 1, {f"s{number % 5}": number + 1})
    assert (record.parts, len(record.revisions)) == ((), 5)
    assert not part_files(tmp_path)


def test_the_log_says_of_each_stream_where_it_was_also_when_it_is_made_anew(retired):
    (retired / STREAMS_NAME).unlink()
    with EventLog.open(retired, limits=MANY) as log:
        assert {log.stream_revision(f"s{number}") for number in range(100)} == {2}
        record = log.retention_record
        assert set(record.revisions) == {f"s{number}" for number in range(100)}
        assert not record.parts
    assert verify(retired).ok


@pytest.mark.parametrize("what", ["missing", "flipped", "cut", "another"])
def test_a_part_that_is_missing_damaged_or_another_is_told(retired, what):
    part = part_files(retired)[0]
    content = part.read_bytes()
    if what == "missing":
        part.unlink()
    elif what == "another":
        other = moved_on(retired.with_name("log"), NOTHING_RETIRED, 10**9, 1, {f"s{each}": 9 for each in range(9)})
        (retired / other.parts[0].name).rename(part)
    else:
        part.write_bytes(content[:-1] if what == "cut" else content[:30] + bytes([content[30] ^ 1]) + content[31:])
    assert part.name in verify(retired).problems[0]
    (retired / STREAMS_NAME).unlink()
    with pytest.raises(LogDamaged, match=part.name):
        EventLog.open(retired, limits=MANY)


def test_a_backup_has_the_parts_and_opens(retired, tmp_path):
    for _ in range(2):
        backup(retired, tmp_path / "backup")
        assert [path.name for path in part_files(tmp_path / "backup")] == [path.name for path in part_files(retired)]
        assert verify(tmp_path / "backup").ok
        with EventLog.open(retired, limits=MANY, sync=lambda _: None) as log:
            fill(log, (f"t{number}" for number in range(100)))
            log.retire(Retention(max_bytes=20_000))
    copy = shutil.copytree(tmp_path / "backup", tmp_path / "copy")
    with EventLog.open(copy, limits=MANY) as log:
        assert log.stream_revision("s7") == 2


def test_parts_that_a_crash_left_are_taken_for_nothing_and_removed(retired):
    stray = retired / "gone-00000000000000099999"
    stray.write_bytes(b"?")
    with EventLog.open(retired, limits=MANY, sync=lambda _: None) as log:
        fill(log, (f"t{number}" for number in range(100)))
        log.retire(Retention(max_bytes=0))
    assert not stray.exists()
    assert verify(retired).ok
