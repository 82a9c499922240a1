"""Repairing a damaged log: explicit, capped, and nothing is gone that was not put aside."""

import contextlib
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import EventLog, Limits, LogDamaged, LogLocked, NewEvent, RepairRefused, repair, verify
from store.recovery.survey import survey

MODULE = sys.modules["store.recovery.repair"]
SMALL = Limits(segment_bytes=600, reserve_bytes=4096)


def fill(path, count=12):
    with EventLog.open(path, limits=SMALL) as log:
        for n in range(count):
            log.append([NewEvent(type="t", data={"n": n})], stream=f"s{n % 2}")


def segments_of(path):
    return sorted(path.glob("*.segment"))


def flip(path, place=-5):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def numbers(path):
    with EventLog.open(path, limits=SMALL, sync=lambda _: None) as log:
        return [event.data["n"] for event in log.read()]


def everything(path):
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file() and file.name != "lock"
    }


@pytest.fixture
def damaged(tmp_path):
    """Twelve events, the fifth unreadable."""
    fill(tmp_path / "log")
    first, second, *_ = segments_of(tmp_path / "log")
    assert int(second.stem) == 6
    flip(first)
    with EventLog.open(tmp_path / "log", limits=SMALL) as log, pytest.raises(LogDamaged):
        list(log.read())
    return tmp_path / "log"


def test_a_log_that_is_not_damaged_is_left_alone(tmp_path):
    fill(tmp_path)
    before = everything(tmp_path)
    found = repair(tmp_path, max_events=1000)
    assert (found.problem, found.events, found.removed, found.last_sequence) == (None, 0, None, 12)
    assert everything(tmp_path) == before


def test_a_damaged_log_is_cut_before_the_damage_and_opens_with_a_new_epoch(damaged):
    epochs = {survey(damaged).scans[0].header.epoch.hex()}
    done = repair(damaged, max_events=8)
    assert (done.events, done.last_sequence) == (8, 4)
    assert "unreadable" in done.problem
    assert numbers(damaged) == [0, 1, 2, 3]
    assert verify(damaged).ok
    with EventLog.open(damaged, limits=SMALL) as log:
        assert log.epoch not in epochs
        assert log.append([NewEvent(type="t")], stream="s1").revisions == {"s1": 3}
    assert repair(damaged, max_events=0).problem is None


def test_more_than_the_cap_is_refused_and_nothing_is_changed(damaged):
    before = everything(damaged)
    with pytest.raises(RepairRefused, match="8 events from 5 on") as caught:
        repair(damaged, max_events=7)
    assert caught.value.events == 8
    assert everything(damaged) == before


def test_what_was_removed_is_put_aside_byte_by_byte_and_as_events(damaged):
    before = everything(damaged)
    done = repair(damaged, max_events=8)
    aside = {name: content for name, content in everything(damaged).items() if name.startswith("removed-1/")}
    assert str(damaged / "removed-1") == done.removed
    events = [json.loads(line) for line in aside.pop("removed-1/events.jsonl").splitlines()]
    assert [event["sequence"] for event in events] == [6, 7, 8, 9, 10, 11, 12]
    assert sum(map(len, aside.values())) == done.bytes
    first, *rest = segments_of(damaged)
    assert not rest
    (cut,) = (content for name, content in aside.items() if ".from-" in name)
    assert first.read_bytes() + cut == before[first.name]
    for name, content in before.items():
        if name.endswith(".segment") and name != first.name:
            assert aside[f"removed-1/{name}"] == content


def test_a_second_repair_puts_its_part_into_a_directory_of_its_own(damaged):
    repair(damaged, max_events=8)
    assert numbers(damaged) == [0, 1, 2, 3]
    flip(segments_of(damaged)[-2])
    assert repair(damaged, max_events=8).removed == str(damaged / "removed-2")
    assert numbers(damaged) == [0, 1]


def test_a_segment_without_its_header_counts_with_the_frames_that_it_seems_to_hold(tmp_path):
    fill(tmp_path)
    last = segments_of(tmp_path)[-1]
    flip(last, 20)
    (tmp_path / "clean").unlink()
    lost = 13 - int(last.stem)
    assert lost > 1
    with pytest.raises(RepairRefused) as caught:
        repair(tmp_path, max_events=lost - 1)
    assert caught.value.events == lost
    assert repair(tmp_path, max_events=lost).last_sequence == int(last.stem) - 1
    assert numbers(tmp_path) == list(range(12 - lost))


def test_a_first_segment_that_is_missing_leaves_an_empty_log(tmp_path):
    fill(tmp_path)
    segments_of(tmp_path)[0].unlink()
    assert repair(tmp_path, max_events=12).events == 12
    assert numbers(tmp_path) == []


def test_a_log_cut_below_its_clean_stop_is_repaired_although_no_byte_is_left_to_remove(tmp_path):
    fill(tmp_path)
    segments_of(tmp_path)[-1].unlink()
    last = verify(tmp_path).last_sequence
    with pytest.raises(RepairRefused):
        repair(tmp_path, max_events=12 - last - 1)
    assert repair(tmp_path, max_events=12 - last).bytes == 0
    assert numbers(tmp_path) == list(range(last))


def test_a_log_that_is_open_is_not_repaired(damaged, tmp_path):
    with EventLog.open(tmp_path / "other"), pytest.raises(LogLocked):
        repair(tmp_path / "other", max_events=1)
    with pytest.raises(FileNotFoundError):
        repair(tmp_path / "missing", max_events=1)


@pytest.mark.parametrize("max_events", range(0, 14, 3))
def test_never_more_than_the_cap_is_removed(damaged, max_events):
    the_cap_holds(damaged, max_events)


def the_cap_holds(damaged, max_events):
    before = {path.name for path in segments_of(damaged)}
    with contextlib.suppress(RepairRefused):
        repair(damaged, max_events=max_events)
    gone = [name for name in before if not (damaged / name).exists()]
    assert max_events >= 8 or not gone


def test_the_check_on_the_cap_catches_a_repair_that_counts_only_the_first_bad_frame(damaged, monkeypatch):
    monkeypatch.setattr(MODULE, "_known_end", lambda directory, found, parts: found.recovery.last + 1)
    with pytest.raises(AssertionError):
        the_cap_holds(damaged, 3)


def a_crash_leaves_it_damaged_or_repaired_and_everything_somewhere(damaged, camera):
    """The property: whatever the moment, the log holds what it held before the damage, and the rest is beside it."""
    shots = camera(damaged)
    with shots.rolling():
        repair(damaged, max_events=8)
    assert len(shots.pictures) > 20
    for picture in shots.pictures:
        with contextlib.suppress(LogDamaged):
            EventLog.open(picture, limits=SMALL, sync=lambda _: None).close()
        repair(picture, max_events=8)
        assert numbers(picture) == [0, 1, 2, 3]
        lines = [line for file in picture.glob("removed-*/events.jsonl") for line in file.read_text().splitlines()]
        assert {json.loads(line)["sequence"] for line in lines} == set(range(6, 13))


def test_a_crash_in_the_middle_of_a_repair_loses_nothing_that_was_not_put_aside(damaged, camera):
    a_crash_leaves_it_damaged_or_repaired_and_everything_somewhere(damaged, camera)


@pytest.mark.parametrize("step", ["store.disk.files.sync_file", "store.disk.files.write_all"])
def test_the_check_on_crashes_catches_a_repair_that_skips_a_step(damaged, camera, monkeypatch, step):
    monkeypatch.setattr(step, lambda *_: None)
    with pytest.raises(AssertionError):
        a_crash_leaves_it_damaged_or_repaired_and_everything_somewhere(damaged, camera)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_the_bytes_are_a_repair_ends_in_a_log_that_opens(data):
    with TemporaryDirectory() as home:
        path = Path(home)
        fill(path, data.draw(st.integers(0, 8)))
        for segment in segments_of(path):
            content = bytearray(segment.read_bytes())
            for place, bits in data.draw(st.lists(st.tuples(st.integers(0, 700), st.integers(1, 255)), max_size=3)):
                content[place % len(content)] ^= bits
            segment.write_bytes(content[: data.draw(st.just(10**6) | st.integers(0, 700))])
        if data.draw(st.booleans()):
            (path / f"{data.draw(st.integers(0, 12)):020d}.segment").write_bytes(data.draw(st.binary(max_size=200)))
        report = verify(path)
        if report.ok:
            assert repair(path, max_events=0).problem is None
        with contextlib.suppress(RepairRefused):
            repair(path, max_events=0)
        done = repair(path, max_events=10**30)
        assert done.last_sequence == report.last_sequence
        assert numbers(path) == list(range(done.last_sequence))
